import type { Cost, Memory, Times } from "./measure.ts";
import { PEER } from "./peer.ts";

/** Everything that was measured, in words and figures. */
export type Results = {
  machine: string;
  runs: number;
  latencyMs: number;
  calls: number;
  start: ({ program: string } & Times)[];
  memory: {
    program: string;
    start: Memory | undefined;
    /** After so many calls, and after three times as many. */
    first?: Memory | undefined;
    third?: Memory | undefined;
  }[];
  toolsList: { program: string; bytes: number; tokens: number }[];
  questions: ({ question: string; program: string } & Cost)[];
  growth: ({
    list: string;
    issues: number;
    rows: number;
    mostAtOnce: number;
    memory: Memory | undefined;
  } & Cost)[];
  targets: Target[];
};

/** What is to hold, and what was measured instead. */
export type Target = { claim: string; measured: string; holds: boolean };

type Measured = Omit<Results, "targets">;

const OURS = "backlog-mcp";

/** Each target that can be told from what was measured. */
export function toTargets(results: Measured): Target[] {
  return [
    ...toProcessTargets(results),
    ...toRequestTargets(results),
    ...toTokenTargets(results),
  ];
}

function toProcessTargets({ start, memory, calls }: Measured): Target[] {
  const [hello, own, peer] = start.map(({ median }) => median);
  const [floor, mine] = memory.map((row) => row.start?.peak);
  const { first, third } = memory[1] ?? {};
  return [
    atMost("Start: 5 × the hello-world's whole run (aim: 4)", own, hello, 5),
    atMost("Start: a tenth of the official server's", own, peer, 1 / 10),
    atMost("Memory after start: 2.3 × the floor (aim: 2)", mine, floor, 2.3),
    atMost(
      `Memory is level: after ${toNumber(3 * calls)} calls 1.1 × after ${toNumber(calls)}`,
      third?.peak,
      first?.peak,
      1.1,
    ),
  ].flat();
}

function toRequestTargets({ questions }: Measured): Target[] {
  const own = questions.filter(({ program }) => program === OURS);
  const claims = [
    { index: 2, claim: "An ordinary issue: one round trip" },
    { index: 0, claim: "My open issues, no custom status: one round trip" },
  ];
  return claims.flatMap(({ index, claim }) => {
    const depth = own[index]?.depth;
    if (depth === undefined) return [];
    return [{ claim, measured: `${depth}`, holds: depth === 1 }];
  });
}

function toTokenTargets({ toolsList, questions }: Measured): Target[] {
  const [own, peer] = toolsList;
  const tokens = (question: number, program: string, tool: string) =>
    questions.filter((row) => row.program === program)[question]?.tokensByTool[
      tool
    ];
  const list = (program: string, tool: string) => tokens(0, program, tool);
  const thread = (program: string, tool: string) => tokens(3, program, tool);
  return [
    underBytes(own?.bytes ?? 0, 6_000),
    atMost(
      "tools/list: a seventh of the official one, in tokens",
      own?.tokens,
      peer?.tokens,
      1 / 7,
    ),
    atMost(
      "A list: a tenth of get_issues, in tokens",
      list(OURS, "get_user_issue_list"),
      list(PEER.name, "get_issues"),
      1 / 10,
    ),
    atMost(
      "350 comments: a third of get_issue_comments, in tokens",
      thread(OURS, "get_issue_details"),
      thread(PEER.name, "get_issue_comments"),
      1 / 3,
    ),
  ].flat();
}

function underBytes(bytes: number, limit: number): Target {
  return {
    claim: `tools/list: under ${toNumber(limit)} bytes`,
    measured: toNumber(bytes),
    holds: bytes < limit,
  };
}

function atMost(
  claim: string,
  value: number | undefined,
  base: number | undefined,
  limit: number,
): Target[] {
  if (value === undefined || base === undefined) return [];
  const ratio = value / base;
  const measured =
    limit < 1 ? `1/${(1 / ratio).toFixed(1)}` : toNumber(ratio, 2);
  return [{ claim, measured, holds: ratio <= limit }];
}

/** All of it as Markdown. */
export function formatReport(results: Results): string {
  const { machine, runs, latencyMs, calls } = results;
  return `Made on ${machine}.

## Start: from spawn to the answer of tools/list (${runs} runs, interleaved)

${formatStart(results)}

## Memory: peak resident, MB (in brackets: present)

${formatMemory(results, calls)}

## Tool definitions

${formatToolsList(results)}

## Six questions, ${latencyMs} ms to Backlog and back

${formatQuestions(results)}

Calls that need nothing of one another are made at once, and every page is
asked for until all is told; the time in which a model thinks between its calls
is not counted. Tokens: ASCII characters / 4 + other characters.

## Growth: all issues are the user's, 30 % are closed, in 60 projects

${formatGrowth(results)}

Backlog's pages hold 100 issues, so above that the true total takes one request
more, and each further page another: as many as an answer of 10,000 tokens can
show, at most four under way at once. None of it grows with what is not shown.
The 150 searches a minute of a paid space are 50 lists of three requests.

## Targets

${formatTargets(results)}
`;
}

function formatStart({ start }: Results): string {
  const [hello] = start;
  return toTable(
    ["", "median ms", "least ms", "× hello-world"],
    start.map(({ program, median, min }) => [
      program,
      toNumber(median, 1),
      toNumber(min, 1),
      toNumber(median / (hello?.median ?? Number.NaN), 2),
    ]),
  );
}

function formatMemory({ memory }: Results, calls: number): string {
  const floor = memory[0]?.start?.peak;
  return toTable(
    [
      "",
      "after start",
      `after ${toNumber(calls)} calls`,
      `after ${toNumber(3 * calls)} calls`,
      "start × floor",
    ],
    memory.map(({ program, start, first, third }) => [
      program,
      toMemory(start),
      toMemory(first),
      toMemory(third),
      start && floor ? toNumber(start.peak / floor, 2) : "",
    ]),
  );
}

function formatToolsList({ toolsList }: Results): string {
  const own = toolsList[0]?.tokens ?? Number.NaN;
  return toTable(
    ["", "bytes of tools/list", "tokens (estimate)", "× ours"],
    toolsList.map(({ program, bytes, tokens }) => [
      program,
      toNumber(bytes),
      toNumber(tokens),
      toNumber(tokens / own, 1),
    ]),
  );
}

function formatQuestions({ questions }: Results): string {
  return toTable(
    [
      "question",
      "program",
      "calls",
      "requests",
      "deep",
      "ms",
      "bytes",
      "tokens",
    ],
    questions.map((row) => [
      row.question,
      row.program,
      `${row.calls}`,
      `${row.requests}`,
      `${row.depth}`,
      toNumber(row.ms),
      toNumber(row.bytes),
      toNumber(row.tokens),
    ]),
  );
}

function formatGrowth({ growth }: Results): string {
  return toTable(
    [
      "list",
      "issues",
      "rows shown",
      "requests",
      "deep",
      "at once",
      "ms",
      "peak MB",
      "tokens",
    ],
    growth.map((row) => [
      row.list,
      toNumber(row.issues),
      `${row.rows}`,
      `${row.requests}`,
      `${row.depth}`,
      `${row.mostAtOnce}`,
      toNumber(row.ms),
      row.memory ? toNumber(row.memory.peak) : "",
      toNumber(row.tokens),
    ]),
  );
}

function formatTargets({ targets }: Results): string {
  return toTable(
    ["target", "measured", ""],
    targets.map(({ claim, measured, holds }) => [
      claim,
      measured,
      holds ? "holds" : "does not hold",
    ]),
  );
}

function toTable(head: string[], rows: string[][]): string {
  const rule = head.map(() => "---");
  return [head, rule, ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

function toMemory(memory: Memory | undefined): string {
  if (!memory) return "";
  return `${toNumber(memory.peak)} (${toNumber(memory.now)})`;
}

function toNumber(value: number, digits = 0): string {
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
