import { chmod } from "node:fs/promises";
import { tmpdir } from "node:os";
import { toMessage } from "../errors.ts";
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
import { BINARY, runToEnd, startFolder } from "../scripts/build.ts";
import { connectInProcess, parseTable } from "../scripts/connect.ts";
import { toHome } from "../scripts/conversation.ts";
import { startRaw, toText } from "../scripts/raw-client.ts";

/** Runs the program with nothing of the machine's own environment. */
export function start(
  args: string[],
  {
    env = {},
    cwd = tmpdir(),
    command = BINARY,
  }: { env?: Record<string, string>; cwd?: string; command?: string } = {},
) {
  const alone = { HOME: "/nonexistent", APPDATA: "/nonexistent", ...env };
  return runToEnd([command, ...args], { env: alone, cwd });
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

/** A home folder with the user's own file, and the environment that finds it. */
export async function startHome(text: string) {
  const folder = await startFolder();
  const { env, file } = toHome(folder.path);
  await Bun.write(file, text);
  await chmod(file, 0o600);
  return { ...folder, env, file };
}

export type { Comment, Issue };
export { byKey as issueOf, toChange as changeOf };

/** What a function throws, as text; where it answers, that is the failure. */
export function messageOf(run: () => unknown): string {
  try {
    return `no error, but ${JSON.stringify(run())}`;
  } catch (error) {
    return toMessage(error);
  }
}

/** One call for details, read by its own layout, and what it asked. */
export async function readIssue(
  args: string | Record<string, unknown>,
  options: SampleSpaceOptions = {},
) {
  await using space = startSampleSpace(options);
  await using connected = await connectInProcess(space);
  const given = typeof args === "string" ? { issue_key: args } : args;
  const { text, isError } = await connected.details(given);
  const find = (pattern: RegExp) => pattern.exec(text)?.[1];
  return {
    ...{ text, isError, requests: space.requests, notes: notesOf(text) },
    older: find(/^Comments and changes: .* Older: issue_key (\S+)/m),
    newer: find(/^Comments and changes: .* Newer: issue_key (\S+)/m),
    /** How many comments and changes there are, and which are shown. */
    account: find(/^Comments and changes: (.*?)(?: (?:Older|Newer): .*)?$/m),
    ids: [...text.matchAll(/^### .*? · #comment-(\d+)/gm)].map(([, id]) =>
      Number(id),
    ),
  };
}

function notesOf(text: string): string[] {
  return text.match(/(?<=^Note: ).*$/gm) ?? [];
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
  await using connected = await connectInProcess(space, server);
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
  const [, next] = /^Next[^:]*: get_user_issue_list (.*)$/m.exec(text) ?? [];
  const rows = parseTable(text);
  return {
    text,
    total: Number(/^(\d+) issues? match/.exec(text)?.[1] ?? 0),
    next: next === undefined ? undefined : JSON.parse(next),
    notes: notesOf(text),
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
