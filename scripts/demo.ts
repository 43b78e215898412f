import { startSampleSpace } from "../sample-space/server.ts";
import { connectBinary, toEnvironment } from "./connect.ts";

interface Call {
  question: string;
  tool: string;
  args: Record<string, unknown>;
}

const CALLS: Call[] = [
  {
    question: "What is on my plate?",
    tool: "get_user_issue_list",
    args: { timezone: "Asia/Tokyo" },
  },
  {
    question: "What is waiting for 検収 in WEB, whoever has it?",
    tool: "get_user_issue_list",
    args: {
      project_keys: ["WEB"],
      status_names: ["検収"],
      assignee_names: ["anyone"],
      timezone: "Asia/Tokyo",
    },
  },
  {
    question: "Tell me about WEB-5.",
    tool: "get_issue_details",
    args: { issue_key: "WEB-5", timezone: "Asia/Tokyo" },
  },
];

/** Shows what an assistant asks and gets, against a space on this machine. */
export async function demo(calls: readonly Call[] = CALLS): Promise<void> {
  await using space = startSampleSpace();
  await using server = await connectBinary(toEnvironment(space));
  print(
    "A sample Backlog space runs on this machine; the program is started as an MCP client starts it.",
  );
  for (const { question, tool, args } of calls) {
    const asked = space.requests.length;
    const { text, isError } = await server.call(tool, args);
    const requests = space.requests.length - asked;
    print(`\n${"─".repeat(72)}\n“${question}”`);
    print(`→ ${tool} ${JSON.stringify(args)}`);
    print(`← after ${requests} requests to Backlog:\n`);
    print(text);
    if (isError) throw new Error(`${tool} answered with an error.`);
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

if (import.meta.main) await demo();
