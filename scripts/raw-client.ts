import { BINARY } from "./build.ts";

/** One line of the protocol, as it came. */
type Message = {
  jsonrpc?: unknown;
  id?: unknown;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { code: number; message: string; data?: Record<string, unknown> };
};

/** The compiled program and its pipes, with nothing between. */
export type RawClient = ReturnType<typeof startRaw>;

/** Starts the program as a client would, without any handshake. */
export function startRaw(
  env: Record<string, string>,
  { command = [BINARY], cwd }: { command?: string[]; cwd?: string } = {},
) {
  const child = Bun.spawn(command, {
    // Nothing of the machine's own environment may leak in.
    env: { HOME: "/nonexistent", PATH: process.env.PATH ?? "", ...env },
    ...{ stdin: "pipe", stdout: "pipe", stderr: "pipe" },
    cwd,
  });
  /** Every line of stdout so far, as it came. */
  const lines: string[] = [];
  /** The lines that are JSON objects. */
  const messages: Message[] = [];
  let more = Promise.withResolvers<boolean>();
  const read = async () => {
    let rest = "";
    const text = child.stdout.pipeThrough(new TextDecoderStream());
    for await (const chunk of text) {
      const parts = `${rest}${chunk}`.split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts);
      messages.push(...parts.flatMap(toMessages));
      more.resolve(true);
      more = Promise.withResolvers();
    }
    if (rest !== "") lines.push(rest);
    more.resolve(false);
  };
  void read();
  /** The answer to a request, past or future; throws when stdout ends before. */
  const answerTo = async (id: unknown): Promise<Message> => {
    for (;;) {
      const isAnswer = (one: Message) => one.id === id && !one.method;
      const answer = messages.find(isAnswer);
      if (answer) return answer;
      if (!(await more.promise)) throw new Error(`stdout ended without ${id}`);
    }
  };
  const write = (text: string | Uint8Array) => {
    child.stdin.write(text);
    // Some tests write to a program that has gone.
    Promise.try(() => child.stdin.flush()).catch(() => {});
  };
  /** All in one write, a line each. */
  const send = (...sent: unknown[]) =>
    write(sent.map((message) => `${JSON.stringify(message)}\n`).join(""));
  let calls = 0;
  return {
    ...{ pid: child.pid, exited: child.exited },
    ...{ lines, messages, write, send, answerTo },
    /** The answer to the call of a tool. */
    call: (name: string, args?: object) => {
      calls += 1;
      send(toCall(`call ${calls}`, name, args));
      return answerTo(`call ${calls}`);
    },
    /** Ends stdin. */
    end: () => void child.stdin.end(),
    /** Everything that was written to stderr, once it has ended. */
    stderr: child.stderr.text(),
    kill: () => child.kill(),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

function toMessages(line: string): Message[] {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === "object" && parsed !== null ? [parsed] : [];
  } catch {
    return [];
  }
}

const INITIALIZE = {
  protocolVersion: "2025-11-25",
  capabilities: {},
  clientInfo: { name: "raw-client", version: "1" },
};

/** The handshake, and the tools asked for by the ID `list`. */
export const OPENING = [
  { jsonrpc: "2.0", id: "open", method: "initialize", params: INITIALIZE },
  { jsonrpc: "2.0", method: "notifications/initialized" },
  { jsonrpc: "2.0", id: "list", method: "tools/list" },
];

/** A call of a tool, in the era with a handshake. */
export function toCall(id: string | number, name: string, args: object = {}) {
  const params = { name, arguments: args };
  return { jsonrpc: "2.0", id, method: "tools/call", params };
}

/** The text of a tool's answer. */
export function toText({ result }: Message): string {
  const content = result?.content;
  const [block] = Array.isArray(content) ? content : [];
  return String(block?.text);
}
