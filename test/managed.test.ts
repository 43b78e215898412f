import { describe, expect, test } from "bun:test";
import { startSampleSpace } from "../sample-space/server.ts";
import { BINARY } from "../scripts/build.ts";
import { toEnvironment } from "../scripts/connect.ts";
import { startRaw, toCall, toText } from "../scripts/raw-client.ts";

const FILE = "/etc/backlog-mcp/managed.env";
const UNSHARE = ["unshare", "--mount", "sh", "-c"];

interface Managed {
  text: string;
  mode?: string;
  owner?: string;
}

/** The program with a managed.env where it really stands, seen by it alone. */
function startManaged({ text, mode = "644", owner = "0" }: Managed) {
  const script = [
    "mount -t tmpfs none /etc",
    "mkdir /etc/backlog-mcp",
    `printf '%s' "$TEXT" > ${FILE}`,
    `chmod ${mode} ${FILE}`,
    `chown ${owner} ${FILE}`,
    'exec "$0"',
  ].join(" && ");
  return async (env: Record<string, string>) => {
    await using server = startRaw(
      { ...env, TEXT: text },
      { command: [...UNSHARE, script, BINARY] },
    );
    server.send(toCall(1, "get_issue_details", { issue_key: "WEB-5" }));
    const answer = toText(await server.answerTo(1));
    server.end();
    await server.exited;
    return { answer, stderr: await server.stderr };
  };
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
      { text: "BACKLOG_DOMAIN=acme.backlog.com" },
      /BACKLOG_DOMAIN of the environment is 127\.0\.0\.1:\d+, but \/etc\/backlog-mcp\/managed\.env allows acme\.backlog\.com alone/,
    ],
    [
      "no call where it holds a key",
      { text: "BACKLOG_API_KEY=abc" },
      /answers no call: \/etc\/backlog-mcp\/managed\.env, this computer's own, holds a key/,
    ],
    [
      "no call where it has a slip of the pen",
      { text: "BACKLOG_PROJECT=WEB" },
      /answers no call: .* holds more than BACKLOG_DOMAIN and BACKLOG_PROJECTS/,
    ],
    [
      "no call where its list is none",
      { text: "BACKLOG_PROJECTS=Web-1" },
      /answers no call: BACKLOG_PROJECTS of \/etc/,
    ],
    [
      "nothing of another project",
      { text: "BACKLOG_PROJECTS=OPS" },
      / has nothing to show\. .* BACKLOG_PROJECTS leaves it out\./,
    ],
    ["what is in its projects", { text: "BACKLOG_PROJECTS=WEB" }, /^# WEB-5 /],
  ])("allows %s", async (_, managed, expected) => {
    await using space = startSampleSpace();
    const { answer } = await startManaged(managed)(toEnvironment(space));
    expect(answer).toMatch(expected);
  });

  test.each([
    ["somebody else's", { owner: "1000" }, "it does not belong to root"],
    [
      "writable for others",
      { mode: "646" },
      "others than root may write to it (mode 646)",
    ],
  ])("that is %s does not count, and stderr says so", async (_, file, why) => {
    await using space = startSampleSpace();
    const run = startManaged({ text: "BACKLOG_PROJECTS=OPS", ...file });
    const { answer, stderr } = await run(toEnvironment(space));
    expect(answer).toStartWith("# WEB-5 ");
    expect(stderr).toBe(`backlog-mcp: ${FILE} does not count: ${why}.\n`);
  });
});
