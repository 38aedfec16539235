import { TheseusError } from '@theseus/core/error';
import {
  type ArmComparison,
  beginJudge,
  explainJudgement,
  type JudgeProfile,
  type JudgeSetting,
  type JudgeState,
  look,
} from '@theseus/core/health';
import { ArmSums, marksOf } from './arm-sums.ts';
import type { RunHeader, StreamLine, Tick } from './read-line.ts';

export interface JudgeStreamOptions {
  readonly profile: JudgeProfile;
  /** Share of failed requests, 0 to 1; null for none. */
  readonly errorLimit: number | null;
  readonly warmUpMs: number;
  /** Whether each verdict comes with its reasons in words. */
  readonly explain: boolean;
}

/** One line of the answer. */
export interface StreamVerdict {
  readonly run: string;
  readonly t: number;
  readonly verdict: 'pass' | 'fail' | 'inconclusive';
  readonly metric: string | null;
  readonly reason: string | null;
  /** Against the candidate; `1 / falseRollback` of the profile is enough. Four significant digits. */
  readonly evidence: number;
  readonly text?: string;
}

interface Judged {
  readonly header: RunHeader;
  readonly setting: JudgeSetting;
  readonly legacy: ArmSums;
  readonly candidate: ArmSums;
  state: JudgeState;
}

/** Judges streams of ticks, one run after another. */
export class JudgeStream {
  readonly #options: JudgeStreamOptions;
  #judged: Judged | null = null;

  constructor(options: JudgeStreamOptions) {
    this.#options = options;
  }

  /** Takes in one line; a tick is answered with its verdict. */
  take(line: StreamLine): StreamVerdict | null {
    switch (line.type) {
      case 'run':
        this.#judged = this.#begin(line);
        return null;
      case 'tick':
        return this.#judge(line);
      case 'end':
        this.#judged = null;
        return null;
    }
  }

  #begin(header: RunHeader): Judged {
    const { profile, errorLimit, warmUpMs } = this.#options;
    const everyMs = header.tickSec * 1_000;
    const { control, candidate } = header.baseline;
    const setting: JudgeSetting = {
      profile,
      looks: header.soakTicks,
      warmUpLooks: Math.ceil(warmUpMs / everyMs),
      errorLimit,
      metrics: ['errors', 'latency', 'throughput'],
      prior: { requests: control.req + candidate.req, errors: control.err + candidate.err },
      segments: header.segments,
      everyMs,
    };
    const marks = marksOf(header, profile);
    return {
      header,
      setting,
      legacy: new ArmSums(marks, header.segments.length),
      candidate: new ArmSums(marks, header.segments.length),
      state: beginJudge(setting, { counting: 'from-zero' }),
    };
  }

  #judge(tick: Tick): StreamVerdict {
    if (this.#judged === null) throw new TheseusError('invalid-argument', 'A tick came before any run');
    const { header, setting, state } = this.#judged;
    const next = look(setting, state, comparisonAt(this.#judged, tick));
    this.#judged.state = next;
    const verdict = next.verdict;
    if (verdict === null) throw new TheseusError('internal', `Tick ${tick.t} of run ${header.run} was not judged`);
    return {
      run: header.run,
      t: tick.t,
      verdict: verdict.verdict,
      metric: verdict.metric,
      reason: verdict.reason,
      evidence: Number(verdict.evidence.toPrecision(4)),
      ...(this.#options.explain ? { text: explainJudgement(setting, next).text } : {}),
    };
  }
}

function comparisonAt({ header, legacy, candidate }: Judged, tick: Tick): ArmComparison {
  const { assigned } = header;
  const known = {
    at: tick.t * header.tickSec * 1_000,
    epoch: 0,
    odds: assigned.candidate / assigned.control,
    assigned: { legacy: assigned.control, candidate: assigned.candidate },
    ageMs: 0,
  };
  if (tick.control === null || tick.candidate === null)
    return { ...known, counts: null, problem: 'the source is down' };
  if (tick.control === 'not-a-number' || tick.candidate === 'not-a-number') {
    return { ...known, counts: null, problem: 'the source answered NaN' };
  }
  return {
    ...known,
    counts: { legacy: legacy.add(tick.control), candidate: candidate.add(tick.candidate) },
    problem: null,
  };
}
