import { check } from "../cli.ts";
import { startSampleSpace } from "../sample-space/server.ts";
import { readSettings } from "../settings.ts";
import { ROOT } from "./build.ts";
import { connectInProcess } from "./connect.ts";

/** The documents that show what the program really answers. */
export const DOCUMENTS = ["README.md", "README.ja.md", "docs/install.md"];

const HOST = "your-space.backlog.com";
/** A comment that names a tool's call, or `check`, and the block behind it. */
const EXAMPLE = /(<!-- (get_\w+|check) ?(\{.*\})? -->\n```text\n)[^`]*(```)/g;

/** The document with the block behind every such comment as it really comes. */
export async function fillExamples(document: string): Promise<string> {
  const examples = [...document.matchAll(EXAMPLE)];
  const answers = await Promise.all(
    examples.map(([, , name = "", args]) =>
      name === "check" ? showCheck() : answer(name, JSON.parse(args ?? "{}")),
    ),
  );
  return document.replace(
    EXAMPLE,
    (_, before, _name, _args, after) => `${before}${answers.shift()}${after}`,
  );
}

async function answer(tool: string, args: Record<string, unknown>) {
  await using space = startSampleSpace();
  await using server = await connectInProcess(space);
  const { text } = await server.call(tool, args);
  return `${text.replaceAll(space.url, `https://${HOST}`).trimEnd()}\n`;
}

async function showCheck(): Promise<string> {
  await using space = startSampleSpace({
    rateLimit: { read: 600, search: 150, resetInSeconds: 60 },
  });
  const file = "/home/hana/.config/backlog-mcp/.env";
  const reading = await readSettings({
    environment: {
      BACKLOG_API_KEY: space.apiKey,
      BACKLOG_DOMAIN: space.host,
    },
    usualFiles: [],
  });
  const { text } = await check({
    reading: { ...reading, source: file, domainSource: file },
    origin: space.url,
    envFile: undefined,
    usualFiles: [file],
  });
  return text
    .replaceAll(space.url, `https://${HOST}`)
    .replaceAll(space.host, HOST);
}

if (import.meta.main) {
  for (const name of DOCUMENTS) {
    const file = Bun.file(`${ROOT}/${name}`);
    await Bun.write(file, await fillExamples(await file.text()));
  }
}
