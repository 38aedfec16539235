/**
 * The settings of the embedded server, given anew at each start so that a newer Theseus brings its own along.
 *
 * What decides durability (fsync, synchronous_commit, full_page_writes) is left at PostgreSQL's safe defaults.
 */
export function serverArguments(dataFolder: string, port: number): readonly string[] {
  const settings: Readonly<Record<string, string | number>> = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 60,
    // One small application: little memory, few processes, nothing that wakes up while there is nothing to do.
    shared_buffers: '32MB',
    maintenance_work_mem: '32MB',
    max_wal_size: '256MB',
    min_wal_size: '64MB',
    wal_level: 'minimal',
    max_wal_senders: 0,
    max_logical_replication_workers: 0,
    max_parallel_workers_per_gather: 0,
    max_parallel_maintenance_workers: 0,
    io_method: 'sync',
    huge_pages: 'off',
    jit: 'off',
    // Queries of a client that was killed end soon and give up their locks.
    client_connection_check_interval: '1s',
    // What an application did wrong is told to the application; its statements and values have no place in a log.
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_checkpoints: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
  };
  return ['-D', dataFolder, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}
