import { explainJudgement } from './judge/explain.ts';
import type { InconclusiveReason } from './judge/judge-state.ts';
import { leftToJudge } from './judge-memory.ts';
import type { RuleResult, Watch } from './verdict.ts';

/** Why a gate says what it says now, for whoever is on call. */
export interface Explanation {
  /** The verdict and its reason in one sentence. */
  readonly headline: string;
  /** What it rests on, with numbers; the worst first. */
  readonly lines: readonly string[];
}

/** What each reason for not knowing means for the candidate. */
const REASONS: Readonly<Record<InconclusiveReason, string>> = {
  'needs-data': 'there is too little data yet, which is no alarm and no proof',
  'no-data': 'nobody can tell while there are no data, so no soak grows and nothing is rolled back for it',
  'no-traffic': 'nobody came, so there is nothing to judge',
  environment: 'legacy is ill as well, so the candidate is not blamed and not rolled back for it',
};

/** The latest verdict of a watch in words and numbers: the same in events, on the screen, over the API and in `judge explain`. */
export function explainWatch({ verdict, judge }: Watch): Explanation {
  if (verdict === null) return { headline: 'not judged yet', lines: [] };
  const { judgement } = verdict;
  const isJudgeSilent = judgement === undefined || verdict.verdict === 'fail' || verdict.verdict === 'error';
  const headline = isJudgeSilent || verdict.verdict === 'warn' ? verdict.text : judgement.text;
  const lines = [
    ...(headline === verdict.text || verdict.text === judgement?.text || verdict.verdict === 'pass'
      ? []
      : [verdict.text]),
    ...verdict.rules.filter(({ verdict: found }) => found !== 'pass').flatMap((rule) => ruleLine(rule, headline)),
    ...verdict.rules.flatMap(({ usual }) => (usual === undefined ? [] : [usual.text])),
    ...reasonLine(verdict.rules, judgement?.reason ?? null),
    ...(judge === undefined ? [] : judgeLines(judge)),
    ...(verdict.isWarmingUp ? ['warming up after a change of exposure: latency is not judged, and no soak grows'] : []),
  ];
  return { headline, lines: [...new Set(lines)] };
}

function ruleLine({ rule, verdict, text }: RuleResult, headline: string): readonly string[] {
  return text === '' || headline === text || headline.includes(text) ? [] : [`${rule}: ${verdict}, ${text}`];
}

function reasonLine(rules: readonly RuleResult[], judged: InconclusiveReason | null): readonly string[] {
  const causes = new Set(rules.flatMap(({ cause }) => cause ?? []));
  if (judged !== null) causes.add(judged);
  return [...causes].map((cause) => REASONS[cause]);
}

/** What was counted, what speaks against the candidate and what for it. */
function judgeLines({ setting, state, failed }: NonNullable<Watch['judge']>): readonly string[] {
  const found = failed.map(({ judgement }) => judgement.text);
  if (state === null || state.last === null) return found;
  const { metrics } = explainJudgement(leftToJudge(setting, failed), state);
  const evidence = state.verdict;
  return [
    ...found,
    ...metrics.map(
      ({ metric, text, forIt, required, isHarmRuledOut }) =>
        `${metric}: ${text}; harm ${isHarmRuledOut ? 'is ruled out' : `is not ruled out (${short(forIt)} of ${short(required)})`}`,
    ),
    ...(evidence === null || metrics.length === 0
      ? []
      : [
          `evidence against the candidate: ${short(evidence.evidence)} of ${short(evidence.required)} that a verdict needs`,
        ]),
  ];
}

function short(value: number): string {
  return Number(value.toPrecision(3)).toString();
}
