import { chmod } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Limits } from "../backlog.ts";
import { listUsualFiles } from "../places.ts";
import {
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { BINARY, runToEnd } from "../scripts/build.ts";
import { connectInProcess } from "../scripts/connect.ts";

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

/** The user's own file in a home folder, and the environment that finds it. */
export async function writeUserFile(home: string, text: string) {
  const env = { HOME: home, USERPROFILE: home, APPDATA: join(home, "AppData") };
  const [file = ""] = await listUsualFiles(env);
  await Bun.write(file, text);
  await chmod(file, 0o600);
  return { env, file };
}

/** One call for a list, read by its own layout, and what it asked. */
export async function readList(
  args: Record<string, unknown>,
  options: SampleSpaceOptions = {},
  { limits = {}, now }: { limits?: Partial<Limits>; now?: Date } = {},
) {
  await using space = startSampleSpace(options);
  await using connected = await connectInProcess(space, {
    limits: { retryWaitMs: 1, ...limits },
    ...(now && { now }),
  });
  const { text, isError } = await connected.list(args);
  const { requests } = space;
  const count = (pattern: RegExp) =>
    requests.filter(({ path }) => pattern.test(path)).length;
  return {
    ...parseList(text.replaceAll(space.host, "HOST")),
    isError,
    requests,
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
  const lines = text.split("\n").filter((line) => line.startsWith("|"));
  const [titles = [], , ...rows] = lines.map((line) =>
    line.slice(2, -2).split(/(?<!\\) \| /),
  );
  const cells = rows.map((row) =>
    Object.fromEntries(titles.map((title, index) => [title, row[index] ?? ""])),
  );
  return {
    text,
    total: Number(/^(\d+) issues? match/.exec(text)?.[1] ?? 0),
    next: next === undefined ? undefined : JSON.parse(next),
    notes: [...text.matchAll(/^Note: (.*)$/gm)].map(([, note]) => note ?? ""),
    /** The cells of each row, by the title of their column. */
    rows: cells,
    keys: cells.map(({ Key }) => Key ?? ""),
  };
}
