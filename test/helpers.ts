import { chmod } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listUsualFiles } from "../places.ts";
import { BINARY, runToEnd } from "../scripts/build.ts";

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
