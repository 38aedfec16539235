import type { z } from '@hono/zod-openapi';
import type { RecordedEvent, RunView } from '@theseus/core/rollout';
import type { RecordedEventSchema, RunViewSchema } from './schemas.ts';

/** The schemas name the outline only; the rest of these plain JSON objects goes out as it is. */
type Outline<Schema extends z.ZodType> = z.infer<Schema>;

export const shown = (run: RunView) => ({ run: run as unknown as Outline<typeof RunViewSchema> });
export const listed = (events: readonly RecordedEvent[]) =>
  [...events] as unknown as Outline<typeof RecordedEventSchema>[];
