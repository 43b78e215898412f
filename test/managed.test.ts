import { describe, expect, test } from "bun:test";
import { startSampleSpace } from "../sample-space/server.ts";
import { BINARY, runToEnd, startFolder } from "../scripts/build.ts";
import { toEnvironment } from "../scripts/connect.ts";
import { askOnce } from "./helpers.ts";

const FILE = "/etc/backlog-mcp/managed.env";
const UNSHARE = ["unshare", "--mount", "sh", "-c"];

/** Starts the program with a managed.env where it really stands, seen by it alone. */
function toCommand(owner = "0"): string[] {
  const script = [
    "mount -t tmpfs none /etc",
    "mkdir /etc/backlog-mcp",
    `printf '%s' "$TEXT" > ${FILE}`,
    `chmod 644 ${FILE}`,
    `chown ${owner} ${FILE}`,
    'exec "$0" "$@"',
  ].join(" && ");
  return [...UNSHARE, script, BINARY];
}

async function askManaged(text: string, owner?: string) {
  await using space = startSampleSpace();
  const env = { ...toEnvironment(space), TEXT: text };
  return await askOnce(env, { command: toCommand(owner) });
}

// A mount of its own needs root, and Linux.
const CAN_MOUNT =
  process.platform === "linux" &&
  Bun.which("unshare") !== null &&
  Bun.spawnSync([...UNSHARE, "mount -t tmpfs none /etc"]).success;

describe.skipIf(!CAN_MOUNT)("a real managed.env", () => {
  test.each([
    [
      "one domain, whatever the user's settings name",
      "BACKLOG_DOMAIN=acme.backlog.com",
      /BACKLOG_DOMAIN of the environment is 127\.0\.0\.1:\d+, but \/etc\/backlog-mcp\/managed\.env allows acme\.backlog\.com alone/,
    ],
    [
      "nothing of another project",
      "BACKLOG_PROJECTS=OPS",
      / has nothing to show\. .* BACKLOG_PROJECTS leaves it out\./,
    ],
    ["what is in its projects", "BACKLOG_PROJECTS=WEB", /^# WEB-5 /],
  ])("allows %s", async (_, text, expected) => {
    expect((await askManaged(text)).text).toMatch(expected);
  });

  test("that is somebody else's does not count, and stderr says so", async () => {
    const { text, stderr } = await askManaged("BACKLOG_PROJECTS=OPS", "1000");
    expect(text).toStartWith("# WEB-5 ");
    expect(stderr).toBe(
      `backlog-mcp: ${FILE} does not count: it does not belong to root.\n`,
    );
  });

  test("completes a file that a client is to name", async () => {
    await using folder = await startFolder({
      "my.env": "BACKLOG_API_KEY=abcdefghijklmnop0123456789\n",
    });
    const { stderr } = await runToEnd(
      [...toCommand(), "config", "gemini", "--env-file", folder.at("my.env")],
      { env: { ...process.env, TEXT: "BACKLOG_DOMAIN=acme.backlog.com" } },
    );
    expect(stderr.replaceAll(/\s+/g, " ")).toContain(
      "The settings are read from",
    );
  });
});
