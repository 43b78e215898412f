import {
  deserializeMessage,
  STDIO_DEFAULT_MAX_BUFFER_SIZE,
} from "@modelcontextprotocol/sdk/shared/stdio.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  ErrorCode,
  type Implementation,
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  type JSONRPCErrorResponse,
  type JSONRPCMessage,
  type JSONRPCNotification,
  type JSONRPCRequest,
  type JSONRPCResultResponse,
  type RequestId,
  SUPPORTED_PROTOCOL_VERSIONS,
} from "@modelcontextprotocol/sdk/types.js";

/** The era without `initialize`; the SDK's own versions come before it. */
export const STATELESS_VERSION = "2026-07-28";
const VERSION_KEY = "io.modelcontextprotocol/protocolVersion";
const SERVER_KEY = "io.modelcontextprotocol/serverInfo";
// https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning
const UNSUPPORTED_VERSION = -32022;
/** The two tools never change while the program runs. */
const LIST_TTL_MS = 3_600_000;
/** What is under way when the client leaves may still take this long. */
const LAST_ANSWERS_MS = 1_000;

export interface StdioOptions {
  serverInfo: Implementation;
  instructions: string;
  /** Takes secrets out of everything that is written. */
  redact: (text: string) => string;
  /** Called once, when nobody is left to talk to. */
  onEnd: (problem?: string) => void;
}

interface UnderWay {
  id: RequestId;
  method: string;
  stateless: boolean;
}

/**
 * Bun's own stdin and stdout as an MCP transport, for both eras of the protocol.
 * Node's streams would take 10 ms more to start, and crash on a broken pipe.
 */
export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;

  readonly #options: StdioOptions;
  readonly #lines = new Lines();
  readonly #writer = Bun.stdout.writer();
  // Under numbers of our own: the SDK cannot cancel a request with the ID 0.
  readonly #underWay = new Map<number, UnderWay>();
  #lastNumber = 0;
  #ended = false;
  #written: Promise<unknown> = Promise.resolve();

  constructor(options: StdioOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    void this.#read();
  }

  async close(): Promise<void> {
    this.onclose?.();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const outgoing = this.#toClient(message);
    if (outgoing) this.#write(outgoing);
    await this.#written;
    this.#endIfDone();
  }

  async #read(): Promise<void> {
    try {
      for await (const chunk of Bun.stdin.stream()) {
        for (const line of this.#lines.split(chunk)) this.#readLine(line);
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

  #readLine(line: string): void {
    let message: JSONRPCMessage;
    try {
      message = deserializeMessage(line);
    } catch (error) {
      // Without an answer, whoever sent it would wait until its time is up.
      for (const id of findRequestIds(line)) this.#write(toInvalidError(id));
      this.onerror?.(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#receive(message);
  }

  #receive(message: JSONRPCMessage): void {
    if (isJSONRPCRequest(message)) this.#receiveRequest(message);
    else if (
      isJSONRPCNotification(message) &&
      message.method === "notifications/cancelled"
    ) {
      this.#cancel(message);
    } else this.onmessage?.(message);
  }

  #receiveRequest(request: JSONRPCRequest): void {
    const version = request.params?._meta?.[VERSION_KEY];
    const { id, method } = request;
    if (version !== undefined && version !== STATELESS_VERSION) {
      this.#write(toVersionError(id, version));
      return;
    }
    if (method === "server/discover") {
      this.#write({ jsonrpc: "2.0", id, result: this.#describe() });
      return;
    }
    this.#lastNumber += 1;
    const stateless = version === STATELESS_VERSION;
    this.#underWay.set(this.#lastNumber, { id, method, stateless });
    this.onmessage?.({ ...request, id: this.#lastNumber });
  }

  #describe() {
    const { serverInfo, instructions } = this.#options;
    return toStatelessResult(
      {
        supportedVersions: [STATELESS_VERSION, ...SUPPORTED_PROTOCOL_VERSIONS],
        capabilities: { tools: {} },
        instructions,
      },
      "server/discover",
      serverInfo,
    );
  }

  #cancel({ params }: JSONRPCNotification): void {
    for (const [number, { id }] of this.#underWay) {
      if (id !== params?.requestId) continue;
      // No answer will follow, so nothing else takes it off the list.
      this.#underWay.delete(number);
      this.onmessage?.({
        jsonrpc: "2.0",
        method: "notifications/cancelled",
        params: { ...params, requestId: number },
      });
    }
    this.#endIfDone();
  }

  /** With the client's own ID; undefined where it no longer waits. */
  #toClient(message: JSONRPCMessage): JSONRPCMessage | undefined {
    const isResult = isJSONRPCResultResponse(message);
    if (!isResult && !isJSONRPCErrorResponse(message)) return message;
    const number = Number(message.id);
    const request = this.#underWay.get(number);
    this.#underWay.delete(number);
    if (!request) return undefined;
    const answer = { ...message, id: request.id };
    if (!request.stateless || !("result" in answer)) return answer;
    return {
      ...answer,
      result: toStatelessResult(
        answer.result,
        request.method,
        this.#options.serverInfo,
      ),
    };
  }

  #write(message: JSONRPCMessage): void {
    const { redact } = this.#options;
    // Text by text: in the finished line, escapes could be torn apart.
    const line = JSON.stringify(message, (_, value: unknown) =>
      typeof value === "string" ? redact(value) : value,
    );
    this.#written = this.#written
      .then(async () => {
        this.#writer.write(`${line}\n`);
        await this.#writer.flush();
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
      if (this.#size > STDIO_DEFAULT_MAX_BUFFER_SIZE) {
        throw new Error(
          `a line is longer than ${STDIO_DEFAULT_MAX_BUFFER_SIZE} bytes`,
        );
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

/** Of requests that are none, those that name an ID to answer to. */
function findRequestIds(line: string): RequestId[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return [];
  }
  // No version that the SDK speaks obliges us to more than to refuse a batch.
  return (Array.isArray(parsed) ? parsed : [parsed]).flatMap((entry) => {
    if (typeof entry !== "object" || entry === null) return [];
    // A client does not wait for an answer to its own answer.
    if (!("id" in entry) || "result" in entry || "error" in entry) return [];
    const { id } = entry;
    return typeof id === "string" || Number.isSafeInteger(id) ? [id] : [];
  });
}

function toInvalidError(id: RequestId): JSONRPCErrorResponse {
  const message = "Invalid Request: not a single JSON-RPC 2.0 request";
  return {
    jsonrpc: "2.0",
    id,
    error: { code: ErrorCode.InvalidRequest, message },
  };
}

/** A result as 2026-07-28 has it; lists also say how long they hold. */
function toStatelessResult(
  result: JSONRPCResultResponse["result"],
  method: string,
  serverInfo: Implementation,
): JSONRPCResultResponse["result"] {
  const isCacheable = method.endsWith("/list") || method === "server/discover";
  return {
    ...result,
    resultType: "complete",
    ...(isCacheable && { ttlMs: LIST_TTL_MS, cacheScope: "private" }),
    _meta: { ...result._meta, [SERVER_KEY]: serverInfo },
  };
}

function toVersionError(id: RequestId, asked: unknown): JSONRPCErrorResponse {
  const text = typeof asked === "string" ? asked : JSON.stringify(asked);
  const requested = text.slice(0, 100);
  return {
    jsonrpc: "2.0",
    id,
    error: {
      code: UNSUPPORTED_VERSION,
      message: `Unsupported protocol version: ${requested}`,
      data: { supported: [STATELESS_VERSION], requested },
    },
  };
}
