import { mkdir, readFile } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../package.json" with { type: "json" };
import { type SpaceData, sampleData } from "../sample-space/data.ts";
import { type SampleSpace, startSampleSpace } from "../sample-space/server.ts";
import { sizeOf } from "../text.ts";
import { BINARY, COMPILE_FLAGS, run, startFolder } from "./build.ts";
import { UNTRUSTED } from "./certificate.ts";
import { type Ask, type Call, QUESTIONS, toDepth } from "./questions.ts";
import { OPENING, startRaw, toCall, toText } from "./raw-client.ts";

const LATENCY_MS = 80;
const CALLS = 1_000;
/** Nulab's own server, in the version that the figures speak of. */
const PEER = { name: "backlog-mcp-server", version: "0.20.4" };

type Figures = Record<string, number>;
type Row = Record<string, string | number>;

/** A program to be measured, as an MCP client would start it. */
type Program = {
  name: string;
  command: string[];
  env: Record<string, string>;
  /** An issue and a list. */
  turns: [Call, Call];
};

/**
 * How often, the entry of the official server, which speaks https only, and any
 * other program whose start is of interest, such as an older build.
 */
type Setting = {
  runs: number;
  peer?: string | undefined;
  beside?: string | undefined;
};

/** Measures everything side by side and prints it. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      peer: { type: "boolean" },
      beside: { type: "string" },
      runs: { type: "string", default: "31" },
    },
  });
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) {
    throw new Error("--runs takes a whole number above 0.");
  }
  const peer = values.peer ? await installPeer() : undefined;
  const setting: Setting = { runs, peer, beside: values.beside };
  process.stdout.write(`${describeMachine(setting)}\n`);
  printTable(
    "Milliseconds and MiB from spawn to the answers of tools/list and one call",
    await measureStarts(setting),
  );
  printTable(
    `Tool definitions; peak MiB after the start, ${CALLS} and ${3 * CALLS} calls`,
    await measureMemory(setting),
  );
  printTable(
    `Questions, ${LATENCY_MS} ms to Backlog and back`,
    await measureQuestions(setting),
  );
}

function printTable(title: string, rows: readonly Row[]): void {
  const rounded = rows.map((row) => {
    const cells = Object.entries(row).map(([name, value]) => {
      const isNumber = typeof value === "number";
      return [name, isNumber ? Math.round(value * 10) / 10 : value];
    });
    return Object.fromEntries(cells);
  });
  process.stdout.write(`\n${title}\n${Bun.inspect.table(rounded)}`);
}

function describeMachine({ runs, peer }: Setting): string {
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
    new Date().toISOString().slice(0, 10),
  ].join(", ");
}

const FOLDER = join(tmpdir(), `backlog-mcp-bench-${PEER.version}`);
const CERTIFICATE = join(FOLDER, "cert.pem");

/** Installs it outside this repository, running no script; the file to start. */
async function installPeer(): Promise<string> {
  const entry = join(FOLDER, "node_modules", PEER.name, "build", "index.js");
  await mkdir(FOLDER, { recursive: true });
  await Bun.write(CERTIFICATE, UNTRUSTED.cert);
  if (!(await Bun.file(entry).exists())) {
    await Bun.write(join(FOLDER, "package.json"), '{ "private": true }');
    const name = `${PEER.name}@${PEER.version}`;
    const words = ["add", "--exact", "--ignore-scripts", name];
    await run([process.execPath, ...words], { cwd: FOLDER });
  }
  return entry;
}

/** A space, and the programs that are configured for it: ours, then theirs. */
function startPrograms({ peer }: Setting, data: SpaceData, latencyMs = 0) {
  const tls = peer && { tls: UNTRUSTED };
  const space = startSampleSpace({ data, latencyMs, ...tls });
  const env = {
    BACKLOG_API_KEY: space.apiKey,
    ...(peer && { NODE_EXTRA_CA_CERTS: CERTIFICATE }),
  };
  const ours: Program = {
    name: "backlog-mcp",
    command: [BINARY],
    env: { ...env, BACKLOG_DOMAIN: space.url, USER_ID: `${data.me}` },
    turns: [
      ["get_issue_details", { issue_key: "WEB-5" }],
      ["get_user_issue_list", {}],
    ],
  };
  const theirs = (entry: string): Program => ({
    name: PEER.name,
    command: [process.execPath, entry],
    env: { ...env, BACKLOG_DOMAIN: space.host },
    turns: [
      ["get_issue", { issueKey: "WEB-5" }],
      ["get_issues", { count: 20 }],
    ],
  });
  return { space, ours, programs: peer ? [ours, theirs(peer)] : [ours] };
}

/** What a session costs that calls nothing or once; medians, in turn. */
async function measureStarts(setting: Setting): Promise<Row[]> {
  note("Start");
  const { space, ours, programs } = startPrograms(setting, sampleData());
  await using _ = space;
  await using folder = await startFolder();
  const hello = await makeHelloWorld(folder.path);
  const started = [...programs, await toFiled(ours, folder.path)];
  const { beside } = setting;
  if (beside) started.push({ ...ours, name: beside, command: [beside] });
  const starts = [hello, ...started.map((one) => () => measureStart(one))];
  const runs = await repeat(setting.runs, async () => {
    const figures: Figures[] = [];
    // In another order each time: a large program leaves cold caches behind.
    const turns = [...starts.entries()].sort(() => Math.random() - 0.5);
    for (const [index, start] of turns) figures[index] = await start();
    return figures;
  });
  const names = ["hello-world, its whole run", ...started.map((p) => p.name)];
  const whole = toMedians(runs.map(([first = {}]) => first)).list;
  return names.map((program, index) => {
    const figures = toMedians(runs.map((run) => run[index] ?? {}));
    return { program, times: Number(figures.list) / Number(whole), ...figures };
  });
}

/** The same, configured by the user's file. */
async function toFiled(ours: Program, folder: string): Promise<Program> {
  const { BACKLOG_DOMAIN, BACKLOG_API_KEY, ...rest } = ours.env;
  await Bun.write(
    join(folder, "backlog-mcp", ".env"),
    `BACKLOG_DOMAIN=${BACKLOG_DOMAIN}\nBACKLOG_API_KEY=${BACKLOG_API_KEY}\n`,
  );
  const env = { ...rest, XDG_CONFIG_HOME: folder };
  return { ...ours, name: `${ours.name}, by the user's file`, env };
}

/** Each run's; one more goes before, which only warms the files up. */
async function repeat<Value>(runs: number, measure: () => Promise<Value>) {
  const values: Value[] = [];
  for (let run = 0; run <= runs; run += 1) values.push(await measure());
  return values.slice(1);
}

/** Of each figure the middle one. */
function toMedians(all: readonly Figures[]): Figures {
  return Object.fromEntries(
    Object.keys(all[0] ?? {}).map((name) => {
      const sorted = all.map((one) => one[name] ?? Number.NaN).sort(byNumber);
      return [name, sorted[Math.floor(sorted.length / 2)] ?? Number.NaN];
    }),
  );
}

function byNumber(a: number, b: number): number {
  return a - b;
}

/** What runs a program with nothing in it, made by the same Bun. */
async function makeHelloWorld(folder: string): Promise<() => Promise<Figures>> {
  const source = join(folder, "hello.ts");
  const command = join(folder, "hello");
  const stay = "if (process.argv.length > 2) await Bun.sleep(600_000);";
  await Bun.write(source, `console.log('{ "hello": "world" }');\n${stay}\n`);
  const words = ["build", source, ...COMPILE_FLAGS, `--outfile=${command}`];
  await run([process.execPath, ...words]);
  return async () => {
    const before = performance.now();
    // With the same pipes: they cost a millisecond.
    await using whole = startRaw({}, { command: [command], cwd: tmpdir() });
    await whole.exited;
    const list = performance.now() - before;
    const stays = { command: [command, "stay"], cwd: tmpdir() };
    await using staying = startRaw({}, stays);
    await staying.waitFor(() => true);
    return { list, listMb: (await readMemory(staying.pid)).now };
  };
}

async function measureStart(program: Program): Promise<Figures> {
  const before = performance.now();
  await using session = await openSession(program);
  const list = performance.now() - before;
  const listMb = (await readMemory(session.pid)).now;
  const again = performance.now();
  await session.ask(program.turns[0]);
  const call = list + performance.now() - again;
  const callMb = (await readMemory(session.pid)).now;
  return { list, listMb, call, callMb };
}

/** Peak and present resident memory in MiB, where there is a /proc. */
async function readMemory(pid: number): Promise<{ peak: number; now: number }> {
  // Not Bun.file: it believes the size of 0 that such a file states.
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const toMegabytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
  return { peak: toMegabytes("VmHWM"), now: toMegabytes("VmRSS") };
}

type Session = Awaited<ReturnType<typeof openSession>>;

/** A program that has told its tools; throws where it answers with an error. */
async function openSession({ name, command, env }: Program) {
  // A folder without a `.env`, which the official server would read.
  const client = startRaw(env, { command, cwd: tmpdir() });
  client.send(...OPENING);
  await client.answerTo("list");
  let id = 0;
  const call = async ([tool, args]: Call): Promise<string> => {
    id += 1;
    client.send(toCall(id, tool, args));
    const answer = await client.answerTo(id);
    const failed = answer.error !== undefined || answer.result?.isError;
    if (!failed) return toText(answer);
    throw new Error(`${name}: ${JSON.stringify(answer)}`);
  };
  const ask: Ask = (...calls) => Promise.all(calls.map(call));
  return {
    ...{ name, pid: client.pid, ask },
    toolsList: client.lines.find((line) => line.includes("inputSchema")) ?? "",
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

/** What the tool definitions weigh, and memory after many calls. */
async function measureMemory(setting: Setting): Promise<Row[]> {
  note("Memory");
  const { space, programs } = startPrograms(setting, sampleData());
  await using _ = space;
  const rows: Row[] = [];
  for (const program of programs) {
    await using session = await openSession(program);
    const peakAfter = async (calls: number) => {
      for (let call = 0; call < calls; call += program.turns.length) {
        for (const turn of program.turns) await session.ask(turn);
      }
      return (await readMemory(session.pid)).peak;
    };
    rows.push({
      program: program.name,
      bytes: Buffer.byteLength(session.toolsList) + 1,
      tokens: sizeOf(session.toolsList).tokens,
      start: await peakAfter(0),
      first: await peakAfter(CALLS),
      third: await peakAfter(2 * CALLS),
    });
  }
  return rows;
}

async function measureQuestions(setting: Setting): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { name, data, call, askPeer } of QUESTIONS) {
    note(name);
    const started = startPrograms(setting, data(), LATENCY_MS);
    const { space, ours, programs } = started;
    await using _ = space;
    for (const program of programs) {
      await using session = await openSession(program);
      const askAll = (ask: Ask) =>
        program === ours ? askToTheEnd(ask, call) : askPeer(ask);
      // Enough for what is counted, and for what mostly waits.
      const costs = await repeat(Math.ceil(setting.runs / 4), () =>
        measureQuestion(session, space, askAll),
      );
      rows.push({ question: name, program: program.name, ...toMedians(costs) });
    }
  }
  return rows;
}

/** Has a question answered once, and counts what it took. */
async function measureQuestion(
  session: Session,
  space: SampleSpace,
  askAll: (ask: Ask) => Promise<void>,
): Promise<Figures> {
  const first = space.requests.length;
  const before = performance.now();
  const texts: string[] = [];
  await askAll(async (...calls) => {
    const answers = await session.ask(...calls);
    texts.push(...answers);
    return answers;
  });
  const ms = performance.now() - before;
  const requests = space.requests.slice(first);
  return {
    calls: texts.length,
    requests: requests.length,
    depth: toDepth(requests),
    ms,
    bytes: Buffer.byteLength(texts.join("")),
    tokens: sizeOf(texts.join("")).tokens,
  };
}

/** Asks the calls our answers name, until none is left to make. */
async function askToTheEnd(ask: Ask, call: Call): Promise<void> {
  let [text = ""] = await ask(call);
  for (;;) {
    const [, tool, args] = /^Next: (\w+) (\{.*\})$/m.exec(text) ?? [];
    if (tool === undefined || args === undefined) return;
    [text = ""] = await ask([tool, JSON.parse(args)]);
  }
}

function note(what: string): void {
  console.error(`Measuring: ${what}`);
}

if (import.meta.main) await main();
