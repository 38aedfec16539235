export {
  type BatchDataMigration,
  type BatchOutcome,
  type Check,
  type DataMigration,
  defineMigration,
  type HandlerContext,
  type JsonValue,
  type MigrationHandler,
  type Preview,
  type SavedState,
  type Subject,
  type Validation,
} from './handler.ts';
