import { BINARY } from "./build.ts";

/** One line of the protocol, as it came. */
export type Message = {
  jsonrpc?: unknown;
  id?: unknown;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { code: number; message: string; data?: Record<string, unknown> };
};

/** The compiled program and its pipes, with nothing between. */
export type RawClient = {
  pid: number;
  /** Every line of stdout so far, as it came. */
  lines: string[];
  /** The lines that are JSON objects. */
  messages: Message[];
  exited: Promise<number>;
  /** All in one write, a line each. */
  send(...messages: unknown[]): void;
  write(text: string | Uint8Array): void;
  /** The answer to a request; throws when stdout ends without it. */
  answerTo(id: unknown): Promise<Message>;
  /** The first line that fits, past or future. */
  waitFor(fits: (message: Message) => boolean): Promise<Message>;
  /** Ends stdin. */
  end(): void;
  /** Everything that was written to stderr, once it has ended. */
  stderr: Promise<string>;
  kill(signal?: NodeJS.Signals): void;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Starts the program as a client would, without any handshake. */
export function startRaw(
  env: Record<string, string>,
  { command = [BINARY], cwd }: { command?: string[]; cwd?: string } = {},
): RawClient {
  const child = Bun.spawn(command, {
    // Nothing of the machine's own environment may leak in.
    env: { HOME: "/nonexistent", PATH: process.env.PATH ?? "", ...env },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    ...(cwd !== undefined && { cwd }),
  });
  const lines: string[] = [];
  const messages: Message[] = [];
  const waiting = new Set<() => void>();
  const tell = () => {
    for (const check of waiting) check();
  };
  let ended = false;
  const read = async () => {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of child.stdout) {
      const parts = `${rest}${decoder.decode(chunk, { stream: true })}`.split(
        "\n",
      );
      rest = parts.pop() ?? "";
      for (const line of parts) {
        lines.push(line);
        const message = toMessage(line);
        if (message) messages.push(message);
      }
      tell();
    }
    if (rest !== "") lines.push(rest);
    ended = true;
    tell();
  };
  void read();
  const waitFor: RawClient["waitFor"] = (fits) =>
    new Promise((resolve, reject) => {
      let seen = 0;
      const check = () => {
        for (; seen < messages.length; seen += 1) {
          const message = messages[seen];
          if (!message || !fits(message)) continue;
          waiting.delete(check);
          resolve(message);
          return;
        }
        if (!ended) return;
        waiting.delete(check);
        reject(new Error("stdout ended without the line waited for"));
      };
      waiting.add(check);
      check();
    });
  const write: RawClient["write"] = (text) => {
    child.stdin.write(text);
    const flush = async () => await child.stdin.flush();
    // Some tests write to a program that has gone.
    flush().catch(() => {});
  };
  return {
    pid: child.pid,
    lines,
    messages,
    exited: child.exited,
    send: (...sent) =>
      write(sent.map((message) => `${JSON.stringify(message)}\n`).join("")),
    write,
    waitFor,
    answerTo: (id) =>
      waitFor((message) => message.id === id && message.method === undefined),
    end: () => {
      child.stdin.end();
    },
    stderr: child.stderr.text(),
    kill: (signal) => child.kill(signal),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/** The handshake, and the tools asked for by the ID `list`. */
export const OPENING = [
  {
    jsonrpc: "2.0",
    id: "initialize",
    method: "initialize",
    params: {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "raw-client", version: "1" },
    },
  },
  { jsonrpc: "2.0", method: "notifications/initialized" },
  { jsonrpc: "2.0", id: "list", method: "tools/list" },
];

/** A call of a tool, in the era with a handshake. */
export function toCall(
  id: string | number,
  name: "get_issue_details" | "get_user_issue_list",
  args: Record<string, unknown> = {},
) {
  const params = { name, arguments: args };
  return { jsonrpc: "2.0", id, method: "tools/call", params };
}

/** The text of a tool's answer. */
export function toText({ result }: Message): string {
  const content = result?.content;
  const [block] = Array.isArray(content) ? content : [];
  return String(block?.text);
}

function toMessage(line: string): Message | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === "object" && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}
