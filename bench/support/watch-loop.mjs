import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

// Loaded into the server by a bench: how long its event loop stood still at most since it was asked last.
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
process.on('SIGUSR2', () => {
  const { rss, heapUsed } = process.memoryUsage();
  writeFileSync(process.env.THESEUS_BENCH_LOOP, JSON.stringify({ longestMs: delay.max / 1e6, rss, heapUsed }));
  delay.reset();
});
