import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import {
  type Answer,
  answerTo,
  type Id,
  type Introduction,
  isId,
  isStateless,
  type Message,
  parseLine,
  type Refusal,
  toMeta,
  toStateless,
} from "./handshake.ts";

/** As the SDK's own transport has it. */
const LONGEST_LINE = 10 << 20;
/** What is under way when the client leaves may still take this long. */
const LAST_ANSWERS_MS = 1_000;
// Beyond these nothing more is read: a client that reads no answers would
// otherwise have the program keep them all.
const MOST_UNREAD_CHARACTERS = 1 << 20;
const MOST_UNDER_WAY = 256;

export interface StdioOptions {
  introduction: Introduction;
  /** Connects the SDK to this transport; called with the first tool's call. */
  connect: (transport: Transport) => Promise<void>;
  /** Takes secrets out of everything that is written. */
  redact: (text: string) => string;
  /** Called once, when nobody is left to talk to. */
  onEnd: (problem?: string) => void;
}

/**
 * Bun's own stdin and stdout, for both eras of the protocol; to the SDK, once a
 * tool is called, a transport. Node's streams would take 10 ms more to start,
 * and crash on a broken pipe.
 */
export class Stdio implements Transport {
  onclose?: () => void;
  onmessage?: (message: JSONRPCMessage) => void;

  readonly #options: StdioOptions;
  readonly #lines = new Lines();
  readonly #writer = Bun.stdout.writer();
  #sdk: Promise<void> | undefined;
  // Under numbers of our own: the SDK cannot cancel a request with the ID 0.
  readonly #underWay = new Map<number, { id: Id; stateless: boolean }>();
  #lastNumber = 0;
  #ended = false;
  #written: Promise<unknown> = Promise.resolve();
  #unread = 0;
  #less = Promise.withResolvers<void>();

  constructor(options: StdioOptions) {
    this.#options = options;
  }

  /** For the SDK: reading began before it was there. */
  async start(): Promise<void> {}

  async close(): Promise<void> {
    this.onclose?.();
  }

  /** What the SDK has to say; dropped where the client no longer waits. */
  async send(message: JSONRPCMessage): Promise<void> {
    if ("method" in message) this.#write(message);
    else this.#finish(message);
    await this.#written;
    this.#endIfDone();
  }

  /** Reads stdin to its end. */
  async read(): Promise<void> {
    try {
      for await (const chunk of Bun.stdin.stream()) {
        for (const line of this.#lines.split(chunk)) {
          for (const message of parseLine(line)) {
            while (this.#isFull()) await this.#less.promise;
            this.#receive(message);
          }
        }
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.onEnd(`stdin could not be read any further: ${reason}`);
      return;
    }
    this.#ended = true;
    setTimeout(() => this.#options.onEnd(), LAST_ANSWERS_MS);
    this.#endIfDone();
  }

  #isFull(): boolean {
    return (
      this.#unread > MOST_UNREAD_CHARACTERS ||
      this.#underWay.size >= MOST_UNDER_WAY
    );
  }

  #noteLess(): void {
    this.#less.resolve();
    this.#less = Promise.withResolvers();
  }

  #receive(message: Message | Refusal): void {
    if ("refusal" in message) this.#answer(message.id, message.refusal);
    else if (message.id === undefined) this.#receiveNotification(message);
    else {
      const answer = answerTo(message, this.#options.introduction);
      if (answer) this.#answer(message.id, answer);
      else this.#call(message.id, message);
    }
  }

  #call(id: Id, message: Message): void {
    const { name, arguments: args } = message.params;
    const { progressToken } = toMeta(message.params);
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    this.#underWay.set(number, { id, stateless: isStateless(message) });
    this.#tell({
      jsonrpc: "2.0",
      id: number,
      method: "tools/call",
      // Only what a tool may need, since the SDK drops what it finds unsound.
      params: {
        name,
        arguments: args ?? {},
        ...(isId(progressToken) && { _meta: { progressToken } }),
      },
    });
  }

  #receiveNotification({ method, params }: Message): void {
    if (method !== "notifications/cancelled") return;
    for (const [number, { id }] of this.#underWay) {
      if (id !== params.requestId) continue;
      // No answer will follow, so nothing else takes it off the list.
      this.#underWay.delete(number);
      this.#tell({ jsonrpc: "2.0", method, params: { requestId: number } });
    }
    this.#noteLess();
    this.#endIfDone();
  }

  /** In the order of what was read, however long the SDK takes to load. */
  #tell(message: JSONRPCMessage): void {
    this.#sdk ??= this.#options.connect(this);
    void this.#sdk.then(() => this.onmessage?.(message));
  }

  #finish({ id: number, ...answer }: Answer & { id?: Id }): void {
    const call = this.#underWay.get(Number(number));
    if (!call) return;
    this.#underWay.delete(Number(number));
    const { serverInfo } = this.#options.introduction;
    this.#answer(
      call.id,
      call.stateless ? toStateless(answer, "tools/call", serverInfo) : answer,
    );
  }

  #answer(id: Id, answer: Answer): void {
    this.#write({ jsonrpc: "2.0", id, ...answer });
  }

  #write(message: object): void {
    const { redact } = this.#options;
    // Text by text: in the finished line, escapes could be torn apart.
    const line = JSON.stringify(message, (_, value: unknown) =>
      typeof value === "string" ? redact(value) : value,
    );
    this.#unread += line.length;
    this.#written = this.#written
      .then(async () => {
        this.#writer.write(`${line}\n`);
        await this.#writer.flush();
        this.#unread -= line.length;
        this.#noteLess();
      })
      // The client has gone: a broken pipe is the end, not a fault.
      .catch(() => this.#options.onEnd());
  }

  #endIfDone(): void {
    if (!this.#ended || this.#underWay.size > 0) return;
    void this.#written.then(() => this.#options.onEnd());
  }
}

/** Cuts a stream of bytes into lines. */
class Lines {
  #begun: Uint8Array[] = [];
  #size = 0;

  /** The lines that end in this chunk; throws when one grows too long. */
  *split(chunk: Uint8Array): Generator<string> {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      const part = chunk.subarray(start, end === -1 ? undefined : end);
      this.#begun.push(part);
      this.#size += part.length;
      if (this.#size > LONGEST_LINE) {
        throw new Error(`a line is longer than ${LONGEST_LINE} bytes`);
      }
      if (end === -1) return;
      const line = Buffer.concat(this.#begun).toString("utf8");
      this.#begun = [];
      this.#size = 0;
      start = end + 1;
      yield line;
    }
  }
}

const NEWLINE = 0x0a;
