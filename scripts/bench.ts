import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../package.json" with { type: "json" };
import { largeData, type SpaceData, sampleData } from "../sample-space/data.ts";
import { type SampleSpace, startSampleSpace } from "../sample-space/server.ts";
import { sizeOf } from "../text.ts";
import { startFolder } from "./build.ts";
import { UNTRUSTED } from "./certificate.ts";
import {
  askToTheEnd,
  type Cost,
  type Memory,
  makeHelloWorld,
  measureQuestion,
  measureStart,
  openSession,
  ours,
  type Program,
  readFloor,
  readMemory,
  type Session,
  type Start,
  timeRun,
  toTimes,
} from "./measure.ts";
import { installPeer, PEER, type Peer } from "./peer.ts";
import { type Call, QUESTIONS, type Question } from "./questions.ts";

const LATENCY_MS = 80;
const CALLS = 1_000;
const SIZES = [10, 100, 1_000, 10_000];

/** What is beside our program; without the official server all is plain http. */
type Setting = {
  runs: number;
  /** Programs that start and are configured like ours: another build, say. */
  beside: string[];
  peer?: Peer;
};

/** Everything that was measured. */
type Results = {
  machine: string;
  idle: ({ program: string; times: number } & Partial<Start>)[];
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
};

/** Measures everything side by side and prints it. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: "boolean" },
      peer: { type: "boolean" },
      /** Nothing but the first table. */
      idle: { type: "boolean" },
      beside: { type: "string", multiple: true, default: [] },
      runs: { type: "string", default: "31" },
    },
  });
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) {
    throw new Error("--runs takes a whole number above 0.");
  }
  const setting: Setting = { runs, beside: values.beside };
  if (values.peer) {
    setting.peer = await installPeer();
  }
  const results: Results = {
    machine: describeMachine(setting),
    idle: await measureIdle(setting),
    ...(values.idle
      ? { memory: [], toolsList: [] }
      : await measureProcesses(setting)),
    questions: values.idle ? [] : await measureQuestions(setting),
    growth: values.idle ? [] : await measureGrowth(setting),
  };
  process.stdout.write(
    values.json
      ? `${JSON.stringify(results, null, 2)}\n`
      : formatResults(results),
  );
}

/** Each part as a table. */
function formatResults(results: Results): string {
  const { machine, memory, questions, growth, ...parts } = results;
  const tables = {
    "Milliseconds and MiB from spawn to the answers of tools/list and one call":
      parts.idle,
    [`Peak MiB after the start, ${CALLS} and ${3 * CALLS} calls`]: memory.map(
      ({ program, start, first, third }) => {
        const [atFirst, later, last] = [start?.peak, first?.peak, third?.peak];
        return { program, start: atFirst, first: later, third: last };
      },
    ),
    "Tool definitions": parts.toolsList,
    [`Questions, ${LATENCY_MS} ms to Backlog and back`]: questions.map(toRow),
    "All issues are the user's, 30 % are closed, in 60 projects": growth.map(
      ({ memory, ...row }) => ({ ...toRow(row), peakMb: memory?.peak }),
    ),
  };
  return [
    `${machine}\n`,
    ...Object.entries(tables).map(([title, rows]) =>
      rows.length === 0
        ? ""
        : `\n${title}\n${Bun.inspect.table(rows.map(round))}`,
    ),
  ].join("");
}

function toRow<Row extends Cost>({ tokensByTool: _, ...row }: Row) {
  return row;
}

function round(row: object): object {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      typeof value === "number" ? Math.round(value * 10) / 10 : value,
    ]),
  );
}

function describeMachine({ runs, beside, peer }: Setting): string {
  const [cpu] = cpus();
  const [load = 0] = loadavg();
  return [
    `${process.platform} ${process.arch}`,
    `${cpus().length} × ${cpu?.model.trim()}`,
    `load ${load.toFixed(2)} at the start`,
    `${runs} runs`,
    `Bun ${Bun.version}`,
    `backlog-mcp ${manifest.version}`,
    peer
      ? `${PEER.name} ${PEER.version} on the same Bun`
      : "without the official server (--peer)",
    beside.length > 0
      ? `beside ${beside.length} more`
      : "without any other server (--beside PATH, such as the one in Rust)",
    new Date().toISOString().slice(0, 10),
  ].join(", ");
}

/** Our program and, if it is wanted, the official server. */
function toPrograms(
  { peer }: Setting,
  space: SampleSpace,
  { me }: SpaceData,
): Program[] {
  const own = ours(space, me);
  if (!peer) return [own];
  return [
    { ...own, env: { ...own.env, ...peer.env } },
    {
      name: PEER.name,
      command: [process.execPath, peer.entry],
      env: {
        BACKLOG_DOMAIN: space.host,
        BACKLOG_API_KEY: space.apiKey,
        ...peer.env,
      },
    },
  ];
}

function startSpace({ peer }: Setting, data: SpaceData, latencyMs: number) {
  return startSampleSpace({ data, latencyMs, ...(peer && { tls: UNTRUSTED }) });
}

/** What a session costs that calls nothing or once; medians, in turn. */
async function measureIdle(setting: Setting): Promise<Results["idle"]> {
  note("Start");
  const data = sampleData();
  await using space = startSpace(setting, data, 0);
  await using hello = await makeHelloWorld();
  await using home = await startFolder();
  const [own, ...peers] = toPrograms(setting, space, data);
  if (!own) return [];
  const { BACKLOG_DOMAIN, BACKLOG_API_KEY, ...rest } = own.env;
  await Bun.write(
    join(home.path, "backlog-mcp", ".env"),
    `BACKLOG_DOMAIN=${BACKLOG_DOMAIN}\nBACKLOG_API_KEY=${BACKLOG_API_KEY}\n`,
  );
  const env = { ...rest, XDG_CONFIG_HOME: home.path };
  const programs = [
    { ...own, name: `${own.name}, the environment` },
    { ...own, name: `${own.name}, the user's file`, env },
    ...setting.beside.map((path) => ({ ...own, name: path, command: [path] })),
    ...peers,
  ];
  const whole: number[] = [];
  const starts = new Map<string, Start[]>();
  // The first run of each only warms the files up.
  for (let run = 0; run <= setting.runs; run += 1) {
    const ms = await timeRun(hello.command);
    if (run > 0) whole.push(ms);
    for (const program of programs) {
      const [call] = toTurns(program);
      const start = await measureStart(program, call);
      if (run === 0) continue;
      starts.set(program.name, [...(starts.get(program.name) ?? []), start]);
    }
  }
  const list = toTimes(whole).median;
  const listMb = (await readFloor(hello.command))?.now;
  return [
    { program: "hello-world, its whole run", times: 1, list, listMb },
    ...[...starts].map(([program, all]) => {
      const middle = toMiddleStart(all);
      return { program, times: middle.list / list, ...middle };
    }),
  ];
}

function toMiddleStart(starts: readonly Start[]): Start {
  const middle = (field: keyof Start) =>
    toTimes(starts.map((start) => start[field] ?? Number.NaN)).median;
  return {
    list: middle("list"),
    listMb: middle("listMb"),
    call: middle("call"),
    callMb: middle("callMb"),
  };
}

/** Memory after many calls, and what the tool definitions weigh. */
async function measureProcesses(setting: Setting) {
  const data = sampleData();
  await using space = startSpace(setting, data, 0);
  await using hello = await makeHelloWorld();
  const programs = toPrograms(setting, space, data);
  note("Memory");
  const floor = await readFloor(hello.command);
  const memory: Results["memory"] = [{ program: "hello-world", start: floor }];
  const toolsList: Results["toolsList"] = [];
  for (const program of programs) {
    await using session = await openSession(program);
    const line = session.toolsList;
    const bytes = Buffer.byteLength(line) + 1;
    const { tokens } = sizeOf(line);
    toolsList.push({ program: program.name, bytes, tokens });
    memory.push({
      program: program.name,
      start: await readMemory(session.pid),
      first: await readAfter(session, program, CALLS),
      third: await readAfter(session, program, 2 * CALLS),
    });
  }
  return { memory, toolsList };
}

/** An issue and a list. */
function toTurns({ name }: Program): [Call, Call] {
  return name === PEER.name
    ? [
        ["get_issue", { issueKey: "WEB-5" }],
        ["get_issues", { count: 20 }],
      ]
    : [
        ["get_issue_details", { issue_key: "WEB-5" }],
        ["get_user_issue_list", {}],
      ];
}

/** Both in turn, one call after the other. */
async function readAfter(session: Session, program: Program, calls: number) {
  const turns = toTurns(program);
  for (let call = 0; call < calls; call += turns.length) {
    for (const turn of turns) await session.ask(turn);
  }
  return readMemory(session.pid);
}

async function measureQuestions(
  setting: Setting,
): Promise<Results["questions"]> {
  const results: Results["questions"] = [];
  for (const question of QUESTIONS) {
    note(question.name);
    const data = question.data();
    await using space = startSpace(setting, data, LATENCY_MS);
    await using sessions = new AsyncDisposableStack();
    const asked: { session: Session; name: string; costs: Cost[] }[] = [];
    for (const program of toPrograms(setting, space, data)) {
      const session = sessions.use(await openSession(program));
      asked.push({ session, name: program.name, costs: [] });
    }
    for (let run = 0; run <= setting.runs / 4; run += 1) {
      for (const { session, name, costs } of asked) {
        costs.push(
          await measureQuestion(session, space, (ask) =>
            askQuestion(question, name, ask),
          ),
        );
      }
    }
    for (const { name, costs } of asked) {
      results.push({
        question: question.name,
        program: name,
        ...toMiddle(costs),
      });
    }
  }
  return results;
}

function askQuestion(
  question: Question,
  program: string,
  ask: Session["ask"],
): Promise<void> {
  return program === PEER.name
    ? question.askPeer(ask)
    : askToTheEnd(ask, question.call);
}

/** The last run's counts with the median time; the first opened connections. */
function toMiddle(costs: readonly Cost[]): Cost {
  const last = costs.at(-1);
  if (!last) throw new Error("Nothing was measured.");
  const { median } = toTimes(costs.slice(1).map(({ ms }) => ms));
  return { ...last, ms: median };
}

async function measureGrowth(setting: Setting): Promise<Results["growth"]> {
  const results: Results["growth"] = [];
  const lists = [
    { name: "the default list", customStatuses: false, args: {} },
    { name: "with limit 500", customStatuses: false, args: { limit: 500 } },
    { name: "with custom statuses", customStatuses: true, args: {} },
  ];
  for (const { name, customStatuses, args } of lists) {
    for (const issues of SIZES) {
      note(`${name}, ${issues} issues`);
      const data = largeData({ projects: 60, issues, customStatuses });
      await using space = startSpace(setting, data, LATENCY_MS);
      const [program] = toPrograms(setting, space, data);
      if (!program) continue;
      await using session = await openSession(program);
      const costs: Cost[] = [];
      let rows = 0;
      for (let run = 0; run <= setting.runs / 4; run += 1) {
        costs.push(
          await measureQuestion(session, space, async (ask) => {
            const [text = ""] = await ask(["get_user_issue_list", args]);
            rows = text.match(/^\| [A-Z]/gm)?.length ?? 0;
          }),
        );
      }
      results.push({
        list: name,
        issues,
        // The head of the table is no row.
        rows: rows - 1,
        mostAtOnce: space.peak,
        memory: await readMemory(session.pid),
        ...toMiddle(costs),
      });
    }
  }
  return results;
}

function note(what: string): void {
  console.error(`Measuring: ${what}`);
}

if (import.meta.main) await main();
