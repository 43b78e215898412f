import { ok } from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CLIENTS } from "../clients.ts";
import { toMessage } from "../errors.ts";
import manifest from "../package.json" with { type: "json" };
import { listUsualFiles } from "../places.ts";
import { fail, runToEnd } from "./build.ts";
import { toEnvFile, toEnvironment } from "./connect.ts";
import { OPENING, type RawClient, startRaw, toText } from "./raw-client.ts";

/** Where a Backlog space answers, and a key that it accepts. */
export type Space = { host: string; apiKey: string };

/** A program to talk to, and room for the homes of those who start it. */
export type Partner = {
  /** How this machine starts it: the program, or an emulator and the program. */
  command: string[];
  program: string;
  folder: string;
};

type Environment = Record<string, string>;

/** Longer than an emulated start takes on a machine that is busy. */
const PATIENCE_MS = 60_000;

/** How soon the program is gone once its client is. */
const LAST_WORDS_MS = 2_000;

/**
 * Everything that a program is to do wherever it runs. Without a space, the
 * part that needs none. Throws with the part that failed and what was said.
 */
export async function converse(partner: Partner, space?: Space): Promise<void> {
  const { env, file } = toHome(join(partner.folder, "ホーム 1"));
  const { env: empty } = toHome(join(partner.folder, "ホーム 2"));
  const beside = join(dirname(partner.program), ".env");
  for (const { HOME } of [env, empty]) await mkdir(HOME, { recursive: true });
  const says = (words: string[], ...args: string[]) =>
    ask(partner, env, { args, words });
  await part("--version and --help", async () => {
    await says([`${manifest.version}\n`], "--version");
    await says(["config [CLIENT]"], "--help");
  });
  await part("check, not configured", () => {
    const words = ["BACKLOG_API_KEY", "BACKLOG_DOMAIN", basename(file)];
    return ask(partner, env, { args: ["check"], words, exit: 1 });
  });
  await part("config", async () => {
    const words = [basename(dirname(partner.program))];
    await says(words, "config");
    for (const client of CLIENTS) await says(words, "config", client);
  });
  await part("serving, not configured", () =>
    serve(partner, env, async (client) => {
      // A call says what to do; once that is done, the next one works.
      const remedy = await client.call("get_user_issue_list");
      const isTold = remedy.result?.isError && toText(remedy).includes(file);
      ok(isTold, JSON.stringify(remedy));
      if (!space) return;
      await Bun.write(file, toEnvFile(space));
      await callTools(client);
    }),
  );
  if (!space) return;
  const work = async (env: Environment, source: string) => {
    await ask(partner, env, { args: ["check"], words: [`from ${source}\n`] });
    await callBoth(partner, env);
  };
  await part("settings in the user's file", () => work(env, file));
  await part("settings in the environment", () =>
    work({ ...empty, ...toEnvironment(space) }, "the environment"),
  );
  await part("settings beside the program", async () => {
    await Bun.write(beside, toEnvFile(space));
    await work(empty, beside);
    await rm(beside);
  });
}

/** Serves a configured client, which calls both tools. */
export function callBoth(partner: Partner, env: Environment): Promise<void> {
  return serve(partner, env, callTools);
}

/** What is in the environment of whoever lives there, and that user's own file. */
export function toHome(home: string) {
  const env = {
    ...{ HOME: home, USERPROFILE: home },
    APPDATA: join(home, "AppData", "Roaming"),
  };
  const [file = ""] = listUsualFiles(env);
  return { env, file };
}

async function part(name: string, talk: () => Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const why = new Error(`nothing within ${PATIENCE_MS / 1000} s`);
  setTimeout(late.reject, PATIENCE_MS, why).unref();
  try {
    await Promise.race([talk(), late.promise]);
  } catch (error) {
    throw new Error(`${name}: ${toMessage(error)}`, { cause: error });
  }
}

/** Runs a command of the program, which is to say these words. */
async function ask(
  { command, folder }: Partner,
  env: Environment,
  { args, words, exit = 0 }: { args: string[]; words: string[]; exit?: number },
): Promise<void> {
  const { stdout, stderr, code } = await runToEnd([...command, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
  });
  const said = stdout.replaceAll("\r\n", "\n");
  ok(
    code === exit && words.every((word) => said.includes(word)),
    `${args.join(" ")} does not say ${words.join(", ")}: exit ${code}\n${stdout}${stderr}`,
  );
}

/** From the handshake to the end of stdin, which ends the program. */
async function serve(
  { command, folder }: Partner,
  env: Environment,
  use: (client: RawClient) => Promise<void>,
): Promise<void> {
  await using client = startRaw(env, { command, cwd: folder });
  try {
    client.send(...OPENING);
    const opened = JSON.stringify(await client.answerTo("open"));
    ok(opened.includes(`"version":"${manifest.version}"`), opened);
    const listed = JSON.stringify(await client.answerTo("list"));
    const names = listed.match(/(?<="name":")get_\w+/g)?.sort();
    ok(`${names}` === "get_issue_details,get_user_issue_list", listed);
    await use(client);
  } catch (error) {
    client.kill();
    throw new Error(`${error}\n${await client.stderr}`, { cause: error });
  }
  client.end();
  const code = await Promise.race([client.exited, Bun.sleep(LAST_WORDS_MS)]);
  ok(code === 0, `exit ${code ?? "missing"} at the end of stdin`);
}

/** Both tools; the list with Japanese in what is asked and answered. */
async function callTools(client: RawClient): Promise<void> {
  const anyone = { project_keys: ["WEB"], assignee_names: ["anyone"] };
  const list = { ...anyone, status_names: ["検収"] };
  const answers = await Promise.all([
    client.call("get_issue_details", { issue_key: "WEB-1" }),
    client.call("get_user_issue_list", list),
  ]);
  for (const [index, word] of ["WEB-1", "検収"].entries()) {
    const answer = answers[index] ?? {};
    const isWell = !answer.result?.isError && toText(answer).includes(word);
    ok(isWell, JSON.stringify(answer));
  }
}

// On Windows, or what passes for it, the parent must be a program of it too.
if (import.meta.main) {
  const { partner, space } = JSON.parse(process.argv[2] ?? "");
  await converse(partner, space).catch(fail);
  // A partner that hangs shall not keep it waiting.
  process.exit();
}
