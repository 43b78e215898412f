import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { type SampleSpace, startSampleSpace } from "../sample-space/server.ts";
import { BINARY } from "../scripts/build.ts";
import { toEnvironment } from "../scripts/connect.ts";
import {
  type RawClient,
  startRaw,
  toCall,
  toText,
} from "../scripts/raw-client.ts";

// Several starts of the program, on a machine that may be busy.
setDefaultTimeout(60_000);

const isWindows = process.platform === "win32";
const PING = { jsonrpc: "2.0", method: "ping" };
const never = () => new Promise<undefined>(() => {});

describe("end of stdin", () => {
  test("while a call is under way ends the program with 0, its requests aborted", async () => {
    await using space = startSampleSpace({ answer: never });
    await using server = startRaw(toEnvironment(space));
    server.send(toCall(1, "get_issue_details", { issue_key: "WEB-5" }));
    await untilRequests(space, 3);
    server.end();
    expect(await server.exited).toBe(0);
    expect(server.lines).toEqual([]);
    expect(await server.stderr).toBe("");
    expect(await isRunning(server.pid)).toBe(false);
    await until(() => space.requests.every(({ aborted }) => aborted));
  });

  test("right behind a call that is answered in time still brings the answer", async () => {
    await using space = startSampleSpace({ latencyMs: 50 });
    await using server = startRaw(toEnvironment(space));
    server.send(toCall(1, "get_issue_details", { issue_key: "WEB-5" }));
    server.end();
    expect(toText(await server.answerTo(1))).toContain("WEB-5");
    expect(await server.exited).toBe(0);
  });

  test("ends the program although a retry is waiting", async () => {
    await using space = startSampleSpace({
      answer: () => new Response("", { status: 503 }),
    });
    await using server = startRaw(toEnvironment(space));
    server.send(toCall(1, "get_issue_details", { issue_key: "WEB-5" }));
    await untilRequests(space, 3);
    server.end();
    expect(await server.exited).toBe(0);
  });

  test("ends the program although nobody reads what it answers", async () => {
    await using space = startSampleSpace();
    const server = spawn(BINARY, { env: toEnvironment(space) });
    const exited = once(server, "exit");
    const calls = Array.from({ length: 100 }, (_, id) =>
      toCall(id, "get_issue_details", { issue_key: "WEB-12" }),
    );
    server.stdout.pause();
    server.stdin.end(toLines(calls));
    expect(await exited).toEqual([0, null]);
  });

  test.skipIf(isWindows)("follows the death of the parent", async () => {
    await using space = startSampleSpace({ answer: never });
    const call = toCall(1, "get_issue_details", { issue_key: "WEB-5" });
    const script = `
      const child = Bun.spawn([${JSON.stringify(BINARY)}], {
        env: ${JSON.stringify(toEnvironment(space))},
        stdin: "pipe", stdout: "pipe", stderr: "inherit",
      });
      child.stdin.write(${JSON.stringify(toLines([call]))});
      child.stdin.flush();
      console.log(child.pid);
      await child.exited;`;
    const parent = Bun.spawn([process.execPath, "-e", script], {
      stdout: "pipe",
      stderr: "pipe",
    });
    await untilRequests(space, 3);
    const { value } = await parent.stdout.getReader().read();
    const pid = Number(new TextDecoder().decode(value));
    expect(await isRunning(pid)).toBe(true);
    parent.kill("SIGKILL");
    // The program holds the other end of this pipe too.
    expect(await parent.stderr.text()).toBe("");
    await until(async () => !(await isRunning(pid)));
  });
});

/** When Bun really closes the pipe is not told, so that one ping may be early. */
async function untilBroken(
  server: ChildProcessWithoutNullStreams,
  exited: Promise<unknown[]>,
): Promise<unknown[]> {
  server.stdout.destroy();
  const pings = setInterval(
    () => server.stdin.write(toLines([{ ...PING, id: 2 }])),
    50,
  );
  return await exited.finally(() => clearInterval(pings));
}

describe("a closed stdout", () => {
  test("ends the program with 0 and no stack trace", async () => {
    await using space = startSampleSpace();
    const server = spawn(BINARY, { env: toEnvironment(space) });
    const exited = once(server, "exit");
    const stderr: Buffer[] = [];
    server.stderr.on("data", (chunk) => stderr.push(chunk));
    server.stdin.on("error", () => {});
    server.stdin.write(toLines([{ ...PING, id: 1 }]));
    await once(server.stdout, "data");
    expect(await untilBroken(server, exited)).toEqual([0, null]);
    expect(Buffer.concat(stderr).toString()).toBe("");
  });

  test("ends the program while calls are under way", async () => {
    await using space = startSampleSpace({
      answer: (_, path) => (path.startsWith("/issues") ? never() : undefined),
    });
    const server = spawn(BINARY, { env: toEnvironment(space) });
    const exited = once(server, "exit");
    server.stdin.on("error", () => {});
    server.stdin.write(
      toLines([toCall(1, "get_issue_details", { issue_key: "WEB-5" })]),
    );
    await untilRequests(space, 3);
    expect(await untilBroken(server, exited)).toEqual([0, null]);
    await until(() => space.requests.every(({ aborted }) => aborted));
  });
});

describe("a client that reads no answers", () => {
  test("is not read from until it does, and then gets every one", async () => {
    await using space = startSampleSpace();
    const server = spawn(BINARY, { env: toEnvironment(space) });
    const exited = once(server, "exit");
    const list = { jsonrpc: "2.0", method: "tools/list" };
    const requests = Array.from({ length: 20_000 }, (_, id) => ({
      ...list,
      id,
    }));
    server.stdout.pause();
    server.stdin.end(toLines(requests));
    let before: number;
    do {
      before = server.stdin.writableLength;
      await Bun.sleep(200);
    } while (server.stdin.writableLength !== before);
    // The most that two pipes and a megabyte of answers hold is far less.
    expect(server.stdin.writableLength).toBeGreaterThan(0);
    const answers = (await server.stdout.setEncoding("utf8").toArray()).join(
      "",
    );
    expect(answers.match(/"inputSchema"/g)).toHaveLength(2 * requests.length);
    expect(await exited).toEqual([0, null]);
  });
});

describe.skipIf(isWindows)("a signal", () => {
  test.each([
    ["SIGTERM", "SIGTERM" as const],
    ["SIGINT", "SIGINT" as const],
    ["SIGHUP", "SIGHUP" as const],
  ])("%s ends the program while a call is under way", async (_, signal) => {
    await using space = startSampleSpace({ answer: never });
    const server = spawn(BINARY, { env: toEnvironment(space) });
    const exited = once(server, "exit");
    const stderr: Buffer[] = [];
    server.stderr.on("data", (chunk) => stderr.push(chunk));
    server.stdin.write(
      toLines([toCall(1, "get_issue_details", { issue_key: "WEB-5" })]),
    );
    await untilRequests(space, 3);
    server.kill(signal);
    expect(await exited).toEqual([null, signal]);
    expect(Buffer.concat(stderr).toString()).toBe("");
    await until(() => space.requests.every(({ aborted }) => aborted));
  });
});

describe("a line on stdin", () => {
  test("over 10 MB ends the program with a message and 1", async () => {
    await using space = startSampleSpace();
    await using server = startRaw(toEnvironment(space));
    server.write(`{"jsonrpc":"2.0","id":1,"method":"${"x".repeat(11 << 20)}`);
    expect(await server.exited).toBe(1);
    expect(await server.stderr).toMatch(
      /^backlog-mcp: .*10485760 characters\n$/,
    );
    expect(server.lines).toEqual([]);
    expect(await isRunning(server.pid)).toBe(false);
  });

  test("of 9 MB is answered", async () => {
    await using space = startSampleSpace();
    await using server = startRaw(toEnvironment(space));
    server.send({ ...PING, id: 1, params: { filler: "x".repeat(9 << 20) } });
    expect(await server.answerTo(1)).toMatchObject({ id: 1, result: {} });
  });

  test("among 12 MB of short ones, in one write, is answered", async () => {
    await using space = startSampleSpace();
    await using server = startRaw(toEnvironment(space));
    const filler = "x".repeat(1 << 20);
    server.send(
      ...Array.from({ length: 12 }, (_, id) => ({
        ...PING,
        id,
        params: { filler },
      })),
    );
    expect(await server.answerTo(11)).toMatchObject({ id: 11, result: {} });
    expect(server.messages).toHaveLength(12);
  });

  test("split anywhere, within a letter too, is one message", async () => {
    await using space = startSampleSpace();
    await using server = startRaw(toEnvironment(space));
    const call = toCall(1, "get_user_issue_list", { keyword: "決済" });
    for (const byte of Buffer.from(toLines([call]))) {
      server.write(new Uint8Array([byte]));
    }
    expect(toText(await server.answerTo(1))).toContain('"決済"');
  });
});

describe("many calls in one process", () => {
  // The full 10,000 are run by hand; this many show a leak of 25 kB a call.
  test("leave no memory behind", async () => {
    await using space = startSampleSpace();
    await using server = startRaw(toEnvironment(space));
    const after = async (calls: number, from: number) => {
      for (let id = from; id < from + calls; id += 10) {
        const batch = Array.from({ length: 10 }, (_, index) =>
          toAnyCall(id + index),
        );
        server.send(...batch);
        for (const { id } of batch) await server.answerTo(id);
        server.messages.length = 0;
        server.lines.length = 0;
      }
      return await readMemory(server);
    };
    const early = await after(500, 1);
    const late = await after(1_000, 501);
    expect(late).toBeLessThan(early + 25_000);
  });
});

function toAnyCall(id: number) {
  if (id % 3 === 0) return toCall(id, "get_user_issue_list");
  if (id % 31 === 0) {
    return toCall(id, "get_issue_details", { issue_key: "WEB-404" });
  }
  const issue_key = id % 3 === 1 ? "WEB-12" : "WEB-5";
  return toCall(id, "get_issue_details", { issue_key });
}

/** Resident memory in kB, as `ps` has it; 0 where there is no `ps`. */
async function readMemory({ pid }: RawClient): Promise<number> {
  if (isWindows) return 0;
  return Number(await runPs("rss=", pid));
}

/** A zombie that nobody has fetched yet is not running. */
async function isRunning(pid: number): Promise<boolean> {
  if (isWindows) return false;
  const state = await runPs("stat=", pid);
  return state !== "" && !state.startsWith("Z");
}

async function runPs(column: string, pid: number): Promise<string> {
  const ps = Bun.spawn(["ps", "-o", column, "-p", String(pid)]);
  return (await ps.stdout.text()).trim();
}

function toLines(messages: unknown[]): string {
  return messages.map((message) => `${JSON.stringify(message)}\n`).join("");
}

function untilRequests(space: SampleSpace, count: number): Promise<void> {
  return until(() => space.requests.length >= count);
}

/** Ends with the test's own time-out where it never comes true. */
async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await Bun.sleep(5);
}
