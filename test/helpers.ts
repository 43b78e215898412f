import { chmod } from "node:fs/promises";
import { tmpdir } from "node:os";
import {
  addThread,
  byKey,
  type SpaceData,
  sampleData,
} from "../sample-space/data.ts";
import {
  type SampleSpace,
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { type Comment, type Issue, toChange } from "../sample-space/space.ts";
import { BINARY, runToEnd } from "../scripts/build.ts";
import { connectInProcess, parseTable } from "../scripts/connect.ts";
import { toHome } from "../scripts/conversation.ts";
import { startRaw, toText } from "../scripts/raw-client.ts";

interface Start {
  env?: Record<string, string>;
  cwd?: string;
  command?: string;
}

/** Runs the program with nothing of the machine's own environment. */
export function start(
  args: string[],
  { env = {}, cwd = tmpdir(), command = BINARY }: Start = {},
) {
  return runToEnd([command, ...args], {
    env: { HOME: "/nonexistent", APPDATA: "/nonexistent", ...env },
    cwd,
  });
}

/** The compiled program, asked for WEB-5 and then ended. */
export async function askOnce(
  env: Record<string, string>,
  options: Parameters<typeof startRaw>[1] = {},
) {
  await using server = startRaw(env, options);
  const args = { issue_key: "WEB-5" };
  const text = toText(await server.call("get_issue_details", args));
  server.end();
  await server.exited;
  return { text, stderr: await server.stderr };
}

/** The user's own file in a home folder, and the environment that finds it. */
export async function writeUserFile(home: string, text: string) {
  const { env, file } = toHome(home);
  await Bun.write(file, text);
  await chmod(file, 0o600);
  return { env, file };
}

export type { Comment, Issue };
export { byKey as issueOf, toChange as changeOf };

/** What a function throws, as text; where it answers, that is the failure. */
export function messageOf(run: () => unknown): string {
  try {
    return `no error, but ${JSON.stringify(run())}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** One call for details, and what it asked of the space. */
export async function readIssue(
  args: string | Record<string, unknown>,
  options: SampleSpaceOptions = {},
) {
  await using space = startSampleSpace(options);
  await using connected = await connectInProcess(space, {
    limits: { retryWaitMs: 1 },
  });
  const given = typeof args === "string" ? { issue_key: args } : args;
  const { text, isError } = await connected.details(given);
  return { ...parseIssue(text), isError, requests: space.requests };
}

/** What an answer says of an issue, by its own layout. */
export function parseIssue(text: string) {
  const [, account] = /^Comments and changes: (.*)$/m.exec(text) ?? [];
  const [, older] = / Older: issue_key (\S+)/.exec(account ?? "") ?? [];
  const [, newer] = / Newer: issue_key (\S+)/.exec(account ?? "") ?? [];
  return {
    text,
    older,
    newer,
    /** How many comments and changes there are, and which are shown. */
    account: account?.replace(/ (Older|Newer): .*/, ""),
    ids: [...text.matchAll(/^### .*? · #comment-(\d+)/gm)].map(([, id]) =>
      Number(id),
    ),
    notes: [...text.matchAll(/^Note: (.*)$/gm)].map(([, note]) => note ?? ""),
  };
}

/** The text behind the first quote that follows a place. */
export function quotedAfter(text: string, place: string): string {
  const [, rest = ""] = text.split(place, 2);
  const [, quoted = ""] = /\n((?:>[^\n]*\n?)+)/.exec(rest) ?? [];
  return quoted.replace(/\n$/, "").replace(/^> ?/gm, "");
}

export function commentsOf(data: SpaceData, key: string): Comment[] {
  return data.comments.get(byKey(data, key).id) ?? [];
}

export function idsOf(data: SpaceData, key: string): number[] {
  return commentsOf(data, key).map(({ id }) => id);
}

/** The sample space with one issue changed. */
export function withIssue(
  key: string,
  change: (issue: Issue) => void,
): SpaceData {
  const data = sampleData();
  change(byKey(data, key));
  return data;
}

/** The sample space with a thread of its own on WEB-7. */
export function withThread(
  count: number,
  toText?: Parameters<typeof addThread>[3],
): SpaceData {
  const data = sampleData();
  addThread(data, "WEB-7", count, toText);
  return data;
}

/** One call for a list, read by its own layout, and what it asked. */
export async function readList(
  args: Record<string, unknown>,
  options: SampleSpaceOptions = {},
  server: Parameters<typeof connectInProcess>[1] = {},
) {
  await using space = startSampleSpace(options);
  await using connected = await connectInProcess(space, {
    ...server,
    limits: { retryWaitMs: 1, ...server.limits },
  });
  const given = JSON.stringify(args).replaceAll("HOST", space.host);
  const { text, isError } = await connected.list(JSON.parse(given));
  const { requests } = space;
  const count = (pattern: RegExp) =>
    requests.filter(({ path }) => pattern.test(path)).length;
  return {
    ...parseList(text.replaceAll(space.host, "HOST")),
    isError,
    requests,
    paths: requests.map(({ path }) => path),
    /** Of the first page. */
    query: requests.find(({ path }) => path === "/issues")?.query ?? "",
    cost: {
      pages: count(/^\/issues$/),
      counts: count(/^\/issues\/count$/),
      statuses: count(/\/statuses$/),
      projects: count(/^\/projects$/),
    },
  };
}

/** What a list's answer says, by its own layout. */
export function parseList(text: string) {
  const [, next] = /^Next: get_user_issue_list (.*)$/m.exec(text) ?? [];
  const rows = parseTable(text);
  return {
    text,
    total: Number(/^(\d+) issues? match/.exec(text)?.[1] ?? 0),
    next: next === undefined ? undefined : JSON.parse(next),
    notes: [...text.matchAll(/^Note: (.*)$/gm)].map(([, note]) => note ?? ""),
    filters: /^Filters: (.*)\.$/m.exec(text)?.[1]?.split("; ") ?? [],
    /** The cells of each row, by the title of their column. */
    rows,
    keys: rows.map(({ Key = "" }) => Key),
  };
}

/** How a space answers whose lists at one path are changed on their way. */
export function passOn<Row>(
  options: SampleSpaceOptions,
  path: string,
  change: (rows: Row[], offset: number) => unknown[],
) {
  const inner = startSampleSpace(options);
  return async ({ url, headers }: Request, asked: string) => {
    if (asked !== path) return undefined;
    const { pathname, search, searchParams } = new URL(url);
    const answer = await fetch(`${inner.url}${pathname}${search}`, { headers });
    const rows: Row[] = JSON.parse(await answer.text());
    return Response.json(change(rows, Number(searchParams.get("offset"))));
  };
}

/** Keeps a request waiting for good. */
export function never(): Promise<never> {
  return new Promise(() => {});
}

/** Ends with the test's own time-out where it never comes true. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await Bun.sleep(5);
}

/** Until a space was asked so often. */
export function untilRequests({ requests }: SampleSpace, count = 3) {
  return until(() => requests.length >= count);
}

/** Until nobody waits for an answer of a space any more. */
export function untilAborted({ requests }: SampleSpace) {
  return until(() => requests.every(({ aborted }) => aborted));
}
