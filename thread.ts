import { type BacklogCall, PAGE_SIZE } from "./backlog.ts";
import { BacklogError } from "./errors.ts";
import type { Comment } from "./responses.ts";

/**
 * Comments of an issue in one direction from a place, page after page. Whether
 * `minId` and `maxId` are inclusive is not documented, so none comes twice.
 */
export class CommentStream {
  #buffer: Comment[] = [];
  #boundary: number | undefined;
  #ended = false;
  #failed: BacklogError | undefined;
  #page: Promise<void> | undefined;

  constructor(
    private readonly call: BacklogCall,
    private readonly key: string,
    private readonly direction: "older" | "newer",
    /** Only comments beyond this ID; undefined: from the newest. */
    from?: number,
  ) {
    this.#boundary = from;
  }

  /** Why it ended early, where it did. */
  get failure(): BacklogError | undefined {
    return this.#failed;
  }

  /** Whether it holds or may still find more. */
  get hasMore(): boolean {
    return this.#buffer.length > 0 || !this.readToEnd;
  }

  /** Whether every comment in this direction has been read. */
  get readToEnd(): boolean {
    return this.#ended && this.#failed === undefined;
  }

  /** How many are read but not taken. */
  get waiting(): number {
    return this.#buffer.length;
  }

  /** Asks for the next page, at most `count` comments, unless it is here. */
  async prefetch(count = PAGE_SIZE): Promise<void> {
    if (this.#ended || this.#buffer.length > 0) return;
    this.#page ??= this.#read(count).finally(() => {
      this.#page = undefined;
    });
    await this.#page;
  }

  /** The next one without taking it; `count` is asked for where none waits. */
  async peek(count: number): Promise<Comment | undefined> {
    while (this.#buffer.length === 0 && !this.#ended)
      await this.prefetch(count);
    return this.#buffer[0];
  }

  take(): Comment | undefined {
    return this.#buffer.shift();
  }

  async #read(count: number): Promise<void> {
    // An inclusive page holds its boundary: one comment more is one of news.
    const asked = Math.min(Math.max(count + 1, 2), PAGE_SIZE);
    const older = this.direction === "older";
    const boundary = this.#boundary;
    try {
      const { entries, received } = await this.call.listComments(this.key, {
        ...(older ? { maxId: boundary } : { minId: boundary }),
        order: older ? "desc" : "asc",
        count: asked,
      });
      const fresh = entries
        .filter(({ id }) => {
          if (boundary === undefined) return true;
          return older ? id < boundary : id > boundary;
        })
        .sort((a, b) => (older ? b.id - a.id : a.id - b.id));
      this.#buffer.push(...fresh);
      this.#boundary = fresh.at(-1)?.id ?? boundary;
      this.#ended = received < asked || fresh.length === 0;
    } catch (error) {
      if (!(error instanceof BacklogError)) throw error;
      this.#failed = error;
      this.#ended = true;
    }
  }
}
