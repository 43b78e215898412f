import { sampleData } from "../sample-space/data.ts";
import { startSampleSpace } from "../sample-space/server.ts";
import { connectBinary, toEnvironment } from "./connect.ts";

type Call = [question: string, tool: string, args: Record<string, unknown>];

const timezone = "Asia/Tokyo";
const WAITING = { status_names: ["検収"], assignee_names: ["anyone"] };
const SCREENSHOT = "WEB-5#attachment-1076475104";

const CALLS: Call[] = [
  ["What is on my plate?", "get_user_issue_list", { timezone }],
  [
    "What is waiting for 検収 in WEB, whoever has it?",
    "get_user_issue_list",
    { project_keys: ["WEB"], ...WAITING, timezone },
  ],
  [
    "Tell me about WEB-5.",
    "get_issue_details",
    { issue_key: "WEB-5", timezone },
  ],
  [
    "What does its screenshot show?",
    "get_issue_details",
    { issue_key: SCREENSHOT, timezone },
  ],
];

/** Shows what an assistant asks and gets, against a space on this machine. */
export async function demo(calls: readonly Call[] = CALLS): Promise<void> {
  const data = sampleData({ now: new Date() });
  await using space = startSampleSpace({ data });
  await using server = await connectBinary(toEnvironment(space));
  process.stdout.write(
    "A sample Backlog space runs on this machine; the program is started as an MCP client starts it.\n",
  );
  for (const [question, tool, args] of calls) {
    const asked = space.requests.length;
    const { text, isError, image } = await server.call(tool, args);
    const requests = space.requests.length - asked;
    const shown = image ? `and the picture itself (${image.mimeType})\n` : "";
    process.stdout.write(`
${"─".repeat(72)}
“${question}”
→ ${tool} ${JSON.stringify(args)}
← after ${requests} requests to Backlog:

${text}
${shown}`);
    if (isError) throw new Error(`${tool} answered with an error.`);
  }
}

if (import.meta.main) await demo();
