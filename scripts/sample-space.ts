import { parseArgs } from "node:util";
import { sampleData } from "../sample-space/data.ts";
import { startSampleSpace } from "../sample-space/server.ts";
import { BINARY, fail } from "./build.ts";

/** Serves the sample space to any client, until it is ended. */
async function main(): Promise<void> {
  const options = { port: { type: "string", default: "8787" } } as const;
  const { port } = parseArgs({ options }).values;
  if (!/^\d{1,5}$/.test(port)) throw new Error(`"${port}" is no port`);
  const data = sampleData({ now: new Date() });
  const { url, host, apiKey } = startSampleSpace({ data, port: Number(port) });
  const BACKLOG_DOMAIN = host.replace("127.0.0.1", "localhost");
  const env = { BACKLOG_DOMAIN, BACKLOG_API_KEY: apiKey };
  const mcpServers = { backlog: { command: BINARY, env } };
  process.stdout.write(
    `A sample Backlog space on ${url}, until Ctrl-C. Paste:\n${JSON.stringify({ mcpServers }, null, 2)}\n`,
  );
}

if (import.meta.main) await main().catch(fail);
