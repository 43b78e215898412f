import {
  Protocol,
  type RequestHandlerExtra,
} from "@modelcontextprotocol/sdk/shared/protocol.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  type CallToolRequest,
  CallToolRequestSchema,
  type CallToolResult,
  type ServerNotification,
  type ServerRequest,
  type ServerResult,
} from "@modelcontextprotocol/sdk/types.js";
import type * as z from "zod";
import { parseListArguments } from "./arguments.ts";
import { openAttachment, type ToolAnswer } from "./attachment.ts";
import type { Backlog, BacklogCall, OnProgress } from "./backlog.ts";
import { parseTimeZone, toToday } from "./dates.ts";
import { IssueDetailsSchema, IssueListSchema } from "./definitions.ts";
import { BacklogError, toMessage } from "./errors.ts";
import { getIssueDetails } from "./issue.ts";
import { parseIssueKey } from "./issue-key.ts";
import { formatIssue } from "./issue-text.ts";
import { countUserIssues, getUserIssueList } from "./list.ts";
import { formatIssueList } from "./list-text.ts";
import { resolveMe } from "./lookup.ts";
import { takeAliases } from "./matching.ts";
import { formatTally } from "./tally.ts";
import { quote } from "./text.ts";

export interface ToolOptions {
  /**
   * Throws the remedy while the settings are incomplete. Without the setting
   * `userId`, Backlog is asked.
   */
  connect: () => Promise<{ backlog: Backlog; userId: string | undefined }>;
  /** Takes secrets out of what the model wrote, before anything cuts it. */
  redact: (text: string) => string;
  now: () => Date;
  /** Where this machine is, where that is known: `Asia/Tokyo`. */
  zone?: string | undefined;
}

/**
 * The SDK's protocol for calls of tools alone. Its `Server` would add what is
 * answered from constants, and a JSON Schema validator as large as all of this
 * for questions to the client, which nobody asks.
 */
class ToolServer extends Protocol<
  ServerRequest,
  ServerNotification,
  ServerResult
> {
  protected override assertCapabilityForMethod(): void {}
  protected override assertNotificationCapability(): void {}
  protected override assertRequestHandlerCapability(): void {}
  protected override assertTaskCapability(): void {}
  protected override assertTaskHandlerCapability(): void {}
}

/** Answers `tools/call` on this transport. */
export async function serveTools(
  transport: Transport,
  options: ToolOptions,
): Promise<void> {
  const server = new ToolServer();
  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) =>
    callTool(params, extra, options),
  );
  await server.connect(transport);
}

/** A tool's answer; whatever goes wrong is an answer too, marked as an error. */
export async function callTool(
  params: CallToolRequest["params"],
  extra: Extra,
  options: ToolOptions,
): Promise<CallToolResult> {
  try {
    const { text, image } = await answer(params, extra, options);
    const images = image ? [{ type: "image" as const, ...image }] : [];
    return { content: [{ type: "text", text }, ...images] };
  } catch (error) {
    const text = toErrorText(error);
    return { content: [{ type: "text", text }], isError: true };
  }
}

async function answer(
  { name, arguments: args = {} }: CallToolRequest["params"],
  extra: Extra,
  { connect, redact, now, zone }: ToolOptions,
): Promise<ToolAnswer> {
  const tool = TOOLS.get(name);
  if (!tool) {
    const known = [...TOOLS.keys()].join(" and ");
    const what = `There is no tool ${quote(redact(name))}`;
    throw new Error(`${what}; the tools are ${known}.`);
  }
  const { backlog, userId } = await connect();
  const call = backlog.open(extra.signal, toProgress(extra));
  const read: Given["read"] = (schema) => {
    const known = Object.keys(schema.shape);
    const taken = takeAliases(redactArguments(args, redact), known);
    for (const note of taken.notes) call.notes.add(note);
    return parseArguments(schema, taken.args);
  };
  try {
    return await tool.run({ read, call, now: now(), zone, userId });
  } catch (error) {
    const isMissing = error instanceof BacklogError && error.status === 404;
    if (!isMissing) throw error;
    const message = `${error.message} ${tool.ifMissing}`;
    throw new Error(message, { cause: error });
  } finally {
    call.end();
  }
}

/** What a tool has at hand within one call. */
interface Given {
  /** The arguments, as a schema understands them. */
  read: <Schema extends z.ZodObject>(schema: Schema) => z.output<Schema>;
  call: BacklogCall;
  now: Date;
  zone: string | undefined;
  userId: string | undefined;
}

async function showIssue({ read, call, now }: Given): Promise<ToolAnswer> {
  const { issue_key, issue_title: title, timezone } = read(IssueDetailsSchema);
  const timeZone = readTimeZone(timezone);
  const reference = parseIssueKey(issue_key, call.host, title);
  const { focus } = reference;
  if (focus.on === "attachment") {
    return await openAttachment(call, reference, { timeZone, focus });
  }
  const { origin } = call;
  const view = { origin, timeZone, today: toToday(now, timeZone), focus };
  const asked = { ...reference, title };
  const known = await getIssueDetails(call, asked, view);
  const notes = toNotes(call);
  const isTaken = reference.words !== undefined;
  return { text: formatIssue(known, { view, notes, isTaken }) };
}

async function listIssues(given: Given): Promise<ToolAnswer> {
  const { read, call, now, zone, userId } = given;
  const parsed = parseListArguments(read(IssueListSchema), now, zone);
  for (const note of parsed.notes) call.notes.add(note);
  const getMe = () => resolveMe(call, userId);
  if (parsed.countBy.length > 0) {
    const tally = await countUserIssues(call, parsed, getMe);
    return { text: formatTally(tally, parsed, toNotes(call)) };
  }
  const list = await getUserIssueList(call, parsed, getMe);
  return { text: formatIssueList(list, parsed, toNotes(call)) };
}

/** How each answers, and what to do where Backlog finds something missing. */
const TOOLS = new Map([
  [
    "get_issue_details",
    { run: showIssue, ifMissing: "Search with get_user_issue_list." },
  ],
  [
    "get_user_issue_list",
    {
      run: listIssues,
      ifMissing: "Check the IDs and keys among the arguments.",
    },
  ],
]);

/** Texts, and lists of them: nothing else in arguments is ever told. */
function redactArguments(
  args: Record<string, unknown>,
  redact: ToolOptions["redact"],
): Record<string, unknown> {
  const clean = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(clean);
    return typeof value === "string" ? redact(value) : value;
  };
  return Object.fromEntries(
    Object.entries(args).map(([name, value]) => [redact(name), clean(value)]),
  );
}

/** Throws one error with a line for each argument at fault. */
function parseArguments<Schema extends z.ZodType>(
  schema: Schema,
  args: Record<string, unknown>,
): z.output<Schema> {
  const { success, data, error } = schema.safeParse(args);
  if (success) return data;
  const problems = error.issues.map(({ path: [name], message }) =>
    name === undefined || message.startsWith(String(name))
      ? message
      : `${String(name)}: ${message}`,
  );
  throw new Error([...new Set(problems)].join("\n"));
}

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

function toErrorText(error: unknown): string {
  const message = toMessage(error);
  // Anything but our own two kinds of error is a fault of this program.
  const isFault = error instanceof TypeError || error instanceof RangeError;
  return isFault
    ? `backlog-mcp failed unexpectedly (${message}). Please report it; other calls still work.`
    : message;
}

function readTimeZone(text = "UTC"): string {
  try {
    return parseTimeZone(text);
  } catch (error) {
    throw new Error(`timezone: ${toMessage(error)}`);
  }
}

/** Increasing numbers for a client that gave a token; nothing otherwise. */
function toProgress({
  _meta,
  sendNotification,
}: Extra): OnProgress | undefined {
  const progressToken = _meta?.progressToken;
  if (progressToken === undefined) return undefined;
  let last = 0;
  return (progress, total) => {
    if (progress <= last) return;
    last = progress;
    const params = {
      progressToken,
      progress,
      ...(total !== undefined && { total: Math.max(total, progress) }),
    };
    // A client that went away needs no news.
    sendNotification({ method: "notifications/progress", params }).catch(
      () => undefined,
    );
  };
}

/** What the answer does not hold, or holds otherwise than was asked. */
function toNotes({ notes, leftOut }: BacklogCall): string[] {
  if (leftOut.size === 0) return [...notes];
  const parts = [...leftOut].map(([what, times]) =>
    times === 1 ? what : `${what} (${times} times)`,
  );
  return [
    ...notes,
    `Backlog sent these in a form that this version cannot read, so they are left out: ${parts.join(", ")}.`,
  ];
}
