import { describe, expect, setDefaultTimeout, spyOn, test } from "bun:test";
import { LIMITS } from "../backlog.ts";
import { addThread, largeData, sampleData } from "../sample-space/data.ts";
import {
  type SampleSpace,
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { UNTRUSTED } from "../scripts/certificate.ts";
import { connectInProcess, toEnvironment } from "../scripts/connect.ts";
import { startRaw, toCall, toText } from "../scripts/raw-client.ts";

// Several starts of the program, on a machine that may be busy.
setDefaultTimeout(60_000);

const never = () => new Promise<undefined>(() => {});
const QUICK = { retryWaitMs: 1 };
const ISSUE = "/issues/WEB-5";
const WEB_5 = { issue_key: "WEB-5" };

describe("limits", () => {
  test("are those that the design promises", () => {
    expect(LIMITS).toMatchObject({
      callMs: 50_000,
      answerMs: 5_000,
      attemptMs: 15_000,
      attempts: 3,
      rateLimitWaitMs: 10_000,
      concurrentRequests: 4,
    });
  });
});

describe("a network that fails", () => {
  test("a refused connection is an error that names the host", async () => {
    const space = startSampleSpace();
    await space.stop();
    await using server = await connectInProcess(space, { limits: QUICK });
    const { text, isError } = await server.details(WEB_5);
    expect(isError).toBe(true);
    expect(text).toStartWith(
      `Could not reach ${space.host} for GET ${ISSUE} (`,
    );
  });

  const BREAKS = {
    reset: (socket: Bun.Socket<Inbox>) => socket.terminate(),
    "closed without an answer": (socket: Bun.Socket<Inbox>) => socket.end(),
    "cut in the middle of an answer": (socket: Bun.Socket<Inbox>) =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n{"id":1,'),
    "answered with something that is not HTTP": (socket: Bun.Socket<Inbox>) =>
      socket.end("220 mail.example ESMTP\r\n\r\n"),
  };
  for (const [name, fail] of Object.entries(BREAKS)) {
    test.each([
      { failures: 2, outcome: "answered at the third attempt" },
      { failures: 3, outcome: "an error after three attempts" },
    ])(`a connection ${name} is $outcome`, async ({ failures }) => {
      await using space = startSampleSpace();
      await using broken = startBroken(space, (path, time) =>
        path === ISSUE && time <= failures ? fail : undefined,
      );
      await using server = await connectInProcess(broken, { limits: QUICK });
      const { text, isError } = await server.details(WEB_5);
      expect(isError).toBe(failures === 3);
      expect(text).toMatch(
        isError
          ? /^Could not reach 127\.0\.0\.1:\d+ for GET \/issues\/WEB-5 \(\w+\)\. Check BACKLOG_DOMAIN and the network; try again in a minute\.$/
          : /^# WEB-5 /,
      );
      expect(broken.times(ISSUE)).toBe(3);
    });
  }

  test("no answer within an attempt's time is tried three times, then an error", async () => {
    await using space = startSampleSpace({
      answer: (_, path) => (path === ISSUE ? never() : undefined),
    });
    await using server = await connectInProcess(space, {
      limits: { ...QUICK, attemptMs: 100 },
    });
    const { text, isError } = await server.details(WEB_5);
    expect(isError).toBe(true);
    expect(text).toBe(
      "Backlog did not answer GET /issues/WEB-5 within 0.1 s. Narrow the search or try again.",
    );
    expect(paths(space, ISSUE)).toHaveLength(3);
    await until(() => paths(space, ISSUE).every(({ aborted }) => aborted));
  });

  test("a trickle that never ends is cut off after an attempt's time", async () => {
    await using space = startSampleSpace({
      answer: (_, path) =>
        path === ISSUE ? trickle(Number.POSITIVE_INFINITY) : undefined,
    });
    await using server = await connectInProcess(space, {
      limits: { ...QUICK, attemptMs: 150 },
    });
    const { text, isError } = await server.details(WEB_5);
    expect(isError).toBe(true);
    expect(text).toContain("did not answer GET /issues/WEB-5 within 0.15 s");
    expect(paths(space, ISSUE)).toHaveLength(3);
  });

  test("a trickle that ends in time is read to its end", async () => {
    await using space = startSampleSpace({
      answer: (_, path) => (path === ISSUE ? trickle(20) : undefined),
    });
    await using server = await connectInProcess(space);
    const { text, isError } = await server.details(WEB_5);
    expect(isError).toBe(false);
    expect(text).toContain("Slowly");
  });
});

describe("an answer of Backlog that is no answer", () => {
  test.each(
    [500, 502, 503, 504].flatMap((status) => [
      { status, failures: 2, outcome: "answered at the third attempt" },
      { status, failures: 3, outcome: "an error after three attempts" },
    ]),
  )("$status is $outcome", async ({ status, failures }) => {
    let times = 0;
    await using space = startSampleSpace(
      failing(ISSUE, () => {
        times += 1;
        return times <= failures ? html("<h1>Sorry</h1>", status) : undefined;
      }),
    );
    await using server = await connectInProcess(space, { limits: QUICK });
    expect((await server.details(WEB_5)).isError).toBe(failures === 3);
    expect(paths(space, ISSUE)).toHaveLength(3);
  });

  test.each([401, 403, 404, 409, 410, 418, 422, 501, 505])(
    "%d is not repeated",
    async (status) => {
      await using space = startSampleSpace(
        failing(ISSUE, () => refusal(status, 0, "No.")),
      );
      await using server = await connectInProcess(space, { limits: QUICK });
      const { text, isError } = await server.details(WEB_5);
      expect(isError).toBe(true);
      expect(text).toContain(`GET ${ISSUE} (${status}, "No.").`);
      expect(paths(space, ISSUE)).toHaveLength(1);
    },
  );

  test("a body of 20 MB is read, shown within the budget and says what is missing", async () => {
    const data = sampleData();
    const issue = data.issues.find(({ issueKey }) => issueKey === "WEB-5");
    if (issue) issue.description = "Twenty megabytes. ".repeat(1_165_084);
    await using space = startSampleSpace({ data });
    await using server = await connectInProcess(space);
    const { text, isError } = await server.details(WEB_5);
    expect(isError).toBe(false);
    expect(text.length).toBeLessThan(40_000);
    expect(text).toMatch(/Characters 1 to \d+ of 209715\d\d\. More: /);
  });

  test("a body without end is cut off at 32 MiB, once", async () => {
    let sent = 0;
    const chunk = Buffer.alloc(1 << 20, 32);
    await using space = startSampleSpace(
      failing(ISSUE, () => {
        const body = new ReadableStream({
          async pull(controller) {
            await Bun.sleep(0);
            sent += chunk.length;
            controller.enqueue(chunk);
          },
        });
        return new Response(body);
      }),
    );
    await using server = await connectInProcess(space);
    expect(await server.details(WEB_5)).toEqual({
      text: `Backlog's answer to GET ${ISSUE} is larger than 32 MiB and was not read. Ask for less; retrying unchanged will not help.`,
      isError: true,
    });
    expect(paths(space, ISSUE)).toHaveLength(1);
    expect(sent).toBeLessThan(128 << 20);
  });

  const MILLIONS = `[${"0,".repeat(5_000_000)}0]`;
  test("a list of millions where a page was asked for is read no further than a page", async () => {
    await using space = startSampleSpace(
      failing("/issues", () => new Response(MILLIONS)),
    );
    await using server = await connectInProcess(space);
    const { text, isError } = await server.list();
    expect(isError).toBe(false);
    expect(text).toMatch(/left out: entries of the list \(\d{7,} times\)\./);
  });

  test("a list of millions within an issue costs no more than itself", async () => {
    const [issue] = sampleData().issues;
    const field = { name: "Where", value: "MILLIONS", fieldTypeId: 6 };
    const body = JSON.stringify({ ...issue, customFields: [field] });
    await using space = startSampleSpace(
      failing(ISSUE, () => new Response(body.replace('"MILLIONS"', MILLIONS))),
    );
    await using server = await connectInProcess(space);
    const { text, isError } = await server.details(WEB_5);
    expect(isError).toBe(false);
    expect(text).toContain("entries of customFields.value (5000001 times).");
  });

  test.each([
    ["lists 100,000 deep", "[".repeat(100_000) + "]".repeat(100_000)],
    ["objects 50,000 deep", `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`],
  ])("%s where nothing of ours stands are read", async (_, deep) => {
    const issue = sampleData().issues[0];
    const body = JSON.stringify({ ...issue, priority: 1, stars: "DEEP" });
    await using space = startSampleSpace(
      failing(ISSUE, () => new Response(body.replace('"DEEP"', deep))),
    );
    await using server = await connectInProcess(space);
    const { text, isError } = await server.details(WEB_5);
    expect(isError).toBe(false);
    expect(text).toContain("so they are left out: priority.");
  });
});

describe("a compressed answer", () => {
  const zipped = (text: string) => Bun.gzipSync(Buffer.from(text));
  const packed = (bytes: Uint8Array<ArrayBuffer>, encoding: string) =>
    failing(
      ISSUE,
      () => new Response(bytes, { headers: { "Content-Encoding": encoding } }),
    );

  test.each(["gzip", "x-gzip", "GZIP"])("in %s is read", async (encoding) => {
    const issue = zipped(JSON.stringify(sampleData().issues[0]));
    await using space = startSampleSpace(packed(issue, encoding));
    await using server = await connectInProcess(space);
    const { text, isError } = await server.details(WEB_5);
    expect(isError).toBe(false);
    expect(text).toContain("WEB-1");
  });

  test("of a few kilobytes is cut off where it unpacks to more than 32 MiB", async () => {
    const bomb = zipped(" ".repeat(100 << 20));
    await using space = startSampleSpace(packed(bomb, "gzip"));
    await using server = await connectInProcess(space);
    expect(await server.details(WEB_5)).toEqual({
      text: `Backlog's answer to GET ${ISSUE} is larger than 32 MiB and was not read. Ask for less; retrying unchanged will not help.`,
      isError: true,
    });
  });

  test.each([
    ["br", " (br)"],
    ["gzip, br", ""],
    ["zstd", " (zstd)"],
    ["deflate", " (deflate)"],
  ])(
    "in %s, which nobody asked for, is refused unread",
    async (encoding, shown) => {
      // Whoever tried to unpack it would fail in another way.
      const noise = crypto.getRandomValues(new Uint8Array(3_000));
      await using space = startSampleSpace(packed(noise, encoding));
      await using server = await connectInProcess(space);
      expect(await server.details(WEB_5)).toEqual({
        text: `The answer to GET ${ISSUE} is compressed in a way that was not asked for${shown}, so it was not read. A proxy may stand between; retrying will not help.`,
        isError: true,
      });
      expect(paths(space, ISSUE)).toHaveLength(1);
    },
  );

  test("that breaks off is tried three times, then an error", async () => {
    const half = zipped(JSON.stringify(sampleData().issues[0])).slice(0, 200);
    await using space = startSampleSpace(packed(half, "gzip"));
    await using server = await connectInProcess(space, { limits: QUICK });
    expect(await server.details(WEB_5)).toEqual({
      text: `The answer to GET ${ISSUE} is damaged: it could not be unpacked (gzip), so it was not read. A proxy may stand between; try again in a minute.`,
      isError: true,
    });
    expect(paths(space, ISSUE)).toHaveLength(3);
  });
});

describe("a redirect", () => {
  test.each([301, 302, 303, 307, 308])(
    "%d to another host is refused, and that host sees nothing",
    async (status) => {
      await using other = startSampleSpace();
      await using space = startSampleSpace({
        answer: (request) => {
          const { pathname } = new URL(request.url);
          const headers = { location: `${other.url}${pathname}` };
          return new Response(null, { status, headers });
        },
      });
      await using server = await connectInProcess(space, { limits: QUICK });
      expect(await server.details(WEB_5)).toEqual({
        text: `${space.host} redirects GET ${ISSUE} to ${other.host} (${status}). Redirects are not followed, so that the API key goes to no other place. Check BACKLOG_DOMAIN.`,
        isError: true,
      });
      expect(other.requests).toEqual([]);
      expect(paths(space, ISSUE)).toHaveLength(1);
    },
  );

  test("to the same host is refused too", async () => {
    await using space = startSampleSpace(
      failing(ISSUE, () => Response.redirect("/api/v2/issues/WEB-1", 302)),
    );
    await using server = await connectInProcess(space);
    expect((await server.details(WEB_5)).text).toContain("Redirects are not");
    expect(paths(space, "/issues/WEB-1")).toEqual([]);
  });

  test("without an address is refused too", async () => {
    await using space = startSampleSpace(
      failing(ISSUE, () => new Response(null, { status: 302 })),
    );
    await using server = await connectInProcess(space);
    expect((await server.details(WEB_5)).text).toContain("to another address");
  });
});

describe("the wait before a retry", () => {
  test("grows, is jittered, and leaves the slot to others", async () => {
    const random = spyOn(Math, "random");
    try {
      // The first to fail draws the longer wait, so the second overtakes it.
      random.mockReturnValueOnce(0.99).mockReturnValueOnce(0);
      random.mockReturnValue(0.5);
      const order: string[] = [];
      await using space = startSampleSpace({
        answer: async (_, path) => {
          order.push(path);
          if (!path.startsWith("/issues/WEB-")) return undefined;
          const isFirst = order.filter((seen) => seen === path).length === 1;
          return isFirst && /WEB-[12]$/.test(path) ? html("", 503) : undefined;
        },
      });
      await using server = await connectInProcess(space, {
        limits: { retryWaitMs: 200, concurrentRequests: 1 },
      });
      await Promise.all(
        ["WEB-1", "WEB-2"].map((key) => server.details({ issue_key: key })),
      );
      const again = order.filter((path) => /WEB-[12]$/.test(path));
      expect(again).toEqual([
        "/issues/WEB-1",
        "/issues/WEB-2",
        "/issues/WEB-2",
        "/issues/WEB-1",
      ]);
      // The only slot served others while both were waiting.
      expect(order.indexOf("/issues/WEB-2/comments")).toBeLessThan(
        order.lastIndexOf("/issues/WEB-2"),
      );
    } finally {
      random.mockRestore();
    }
  });

  test("is three times as long the second time: here too long for what is left", async () => {
    const random = spyOn(Math, "random").mockReturnValue(0.5);
    try {
      await using space = startSampleSpace(failing(ISSUE, () => html("", 503)));
      await using server = await connectInProcess(space, {
        limits: { retryWaitMs: 400, callMs: 1_100, answerMs: 0 },
      });
      await server.details(WEB_5);
      expect(paths(space, ISSUE)).toHaveLength(2);
    } finally {
      random.mockRestore();
    }
  });
});

describe("Backlog's limit on requests", () => {
  // The space's own clock: the machine's may say anything.
  const limited = (seconds: number) =>
    Response.json(
      { errors: [{ message: "Too many requests.", code: 13, moreInfo: "" }] },
      {
        status: 429,
        headers: {
          Date: "Sat, 01 Jan 2000 00:00:00 GMT",
          "X-RateLimit-Reset": String(946_684_800 + seconds),
        },
      },
    );

  test("that resets 2 s away is waited for, and the call succeeds", async () => {
    let times = 0;
    await using space = startSampleSpace(
      failing(ISSUE, () => {
        times += 1;
        return times === 1 ? limited(2) : undefined;
      }),
    );
    await using server = await connectInProcess(space);
    expect((await server.details(WEB_5)).isError).toBe(false);
    expect(paths(space, ISSUE)).toHaveLength(2);
  });

  test("that resets 12 s away is not waited for", async () => {
    await using space = startSampleSpace(failing(ISSUE, () => limited(12)));
    await using server = await connectInProcess(space);
    const { text } = await server.details(WEB_5);
    expect(text).toContain("The limit resets in 12 s; try again then.");
    expect(paths(space, ISSUE)).toHaveLength(1);
  });

  test("of 15 searches a minute, once used up, fails the next list at once with the seconds left", async () => {
    await using space = startSampleSpace({
      rateLimit: { search: 15, read: 600, resetInSeconds: 40 },
    });
    await using server = await connectInProcess(space);
    let answer = await server.list();
    for (let n = 0; n < 12 && !answer.isError; n += 1) {
      answer = await server.list();
    }
    const searches = space.requests.filter(isSearch);
    expect(answer.isError).toBe(true);
    expect(answer.text).toMatch(/The limit resets in (3\d|4[01]) s; try again/);
    // A round trip of three that was refused, and none of it repeated.
    expect(searches.length).toBeLessThanOrEqual(18);
    expect(searches.filter(({ status }) => status === 200)).toHaveLength(15);
  });

  test("on searches is not touched by an issue without children", async () => {
    await using space = startSampleSpace();
    await using server = await connectInProcess(space);
    for (const key of ["WEB-5", "WEB-12"]) {
      expect((await server.details({ issue_key: key })).isError).toBe(false);
    }
    expect(space.requests.filter(isSearch)).toEqual([]);
  });
});

describe("a call's time", () => {
  test("ends its requests early enough to answer before the client gives up", async () => {
    const slow = failing(ISSUE, async () => {
      await Bun.sleep(400);
      return undefined;
    });
    const limits = { callMs: 3_000, attemptMs: 2_900 };
    await using space = startSampleSpace(slow);
    await using generous = await connectInProcess(space, {
      limits: { ...limits, answerMs: 0 },
    });
    await using strict = await connectInProcess(space, {
      limits: { ...limits, answerMs: 2_800 },
    });
    expect((await generous.details(WEB_5)).isError).toBe(false);
    expect(await strict.details(WEB_5)).toEqual({
      text: `The 3 s that one call may take were used up before Backlog answered GET ${ISSUE}. Narrow the search or try again.`,
      isError: true,
    });
  });

  test("runs while the call waits for one of the four slots", async () => {
    const stuck = Promise.withResolvers<undefined>();
    await using space = startSampleSpace({ answer: () => stuck.promise });
    await using server = await connectInProcess(space, {
      limits: { callMs: 500, answerMs: 100 },
    });
    const blocked = ["WEB-1", "WEB-2"].map((key) =>
      server.details({ issue_key: key }),
    );
    await until(() => space.requests.length === 4);
    const waiting = server.details(WEB_5);
    // Half of the time of the calls that hold the slots.
    await Bun.sleep(200);
    expect(space.requests).toHaveLength(4);
    const { text, isError } = await waiting;
    expect(isError).toBe(true);
    expect(text).toContain("The 0.5 s that one call may take were used up");
    expect(paths(space, ISSUE).length).toBeLessThanOrEqual(1);
    for (const { isError } of await Promise.all(blocked)) {
      expect(isError).toBe(true);
    }
    stuck.resolve(undefined);
  });

  test("is not exceeded by retries: none begins that could not end", async () => {
    await using space = startSampleSpace(failing(ISSUE, () => html("", 503)));
    await using server = await connectInProcess(space, {
      limits: { retryWaitMs: 5_000, callMs: 1_000, answerMs: 100 },
    });
    expect((await server.details(WEB_5)).text).toContain("(503)");
    expect(paths(space, ISSUE)).toHaveLength(1);
  });

  test("is not exceeded by a wait for Backlog's limit", async () => {
    await using space = startSampleSpace({
      rateLimit: { search: 0, read: 0, resetInSeconds: 5 },
    });
    await using server = await connectInProcess(space, {
      limits: { callMs: 1_000, answerMs: 100 },
    });
    expect((await server.details(WEB_5)).text).toMatch(/resets in \d s/);
    expect(paths(space, ISSUE)).toHaveLength(1);
  });
});

test("counts that lie cost at most 100 requests, and the answer says so", async () => {
  const [issue] = sampleData().issues;
  let id = 0;
  await using space = startSampleSpace({
    answer: ({ url }, path) => {
      const asked = new URL(url).searchParams.getAll("statusId[]");
      if (path === "/issues/count") {
        const count = { "": 7_500_000, "4": 20 }[asked.join()] ?? 0;
        return Response.json({ count });
      }
      if (path !== "/issues") return undefined;
      if (asked.length > 0) return Response.json([]);
      const status = { id: 4, name: "Closed" };
      return Response.json(
        Array.from({ length: 100 }, () => {
          id += 1;
          return { ...issue, id, issueKey: `WEB-${id}`, status };
        }),
      );
    },
  });
  await using server = await connectInProcess(space);
  const { text } = await server.list({ assignee_names: ["anyone"] });
  expect(space.requests.length).toBeLessThanOrEqual(100);
  expect(text).toContain("This call has sent the 100 requests that one may");
});

describe("one part that fails does not sink the rest", () => {
  const CHILD = "WEB-12";
  test.each([
    ["Related issues", "/issues/WEB-5/relatedIssues", "WEB-5"],
    ["Some comments", "/issues/WEB-5/comments", "WEB-5"],
  ])("%s", async (what, path, key) => {
    await using space = startSampleSpace(
      failing(path, () => refusal(403, 5, "No.")),
    );
    await using server = await connectInProcess(space);
    const { text, isError } = await server.details({ issue_key: key });
    expect(isError).toBe(false);
    expect(text).toContain(
      `Note: ${what} could not be read: Backlog refused GET ${path} (403, "No.").`,
    );
  });

  test("the parent and the children", async () => {
    const data = sampleData();
    const child = data.issues.find(({ parentIssueId }) => parentIssueId);
    const parent = data.issues.find(({ id }) => id === child?.parentIssueId);
    await using space = startSampleSpace({
      data,
      answer: (_, path) =>
        path === `/issues/${parent?.id}` || path === "/issues"
          ? refusal(403, 5, "No.")
          : undefined,
    });
    await using server = await connectInProcess(space);
    const ofChild = await server.details({ issue_key: child?.issueKey });
    expect(ofChild.isError).toBe(false);
    expect(ofChild.text).toContain(
      `Note: The parent (ID ${parent?.id}) could not be read: `,
    );
    const ofParent = await server.details({ issue_key: parent?.issueKey });
    expect(ofParent.isError).toBe(false);
    expect(ofParent.text).toContain("Note: The children could not be read: ");
  });

  test("related issues that an older space does not have are simply none", async () => {
    await using space = startSampleSpace({
      switches: { relatedIssues: false },
    });
    await using server = await connectInProcess(space);
    const { text, isError } = await server.details({ issue_key: CHILD });
    expect(isError).toBe(false);
    expect(text).not.toContain("Note:");
  });

  const PARTIAL = [
    {
      name: "is refused",
      answer: () => refusal(403, 5, "No."),
      why: "Backlog refused ",
    },
    {
      name: "comes too late",
      answer: never,
      why: "The 2 s that one call may take were used up",
    },
  ];
  const SHORT = { callMs: 2_000, answerMs: 200 };

  test.each(PARTIAL)("an older page of comments that $name", async (part) => {
    const data = sampleData();
    addThread(data, "WEB-5", 250);
    await using space = startSampleSpace({
      data,
      answer: ({ url }) =>
        new URL(url).searchParams.has("maxId") ? part.answer() : undefined,
    });
    await using server = await connectInProcess(space, { limits: SHORT });
    const { text, isError } = await server.details(WEB_5);
    expect(isError).toBe(false);
    expect(text).toContain(
      `Note: Some comments could not be read: ${part.why}`,
    );
    expect(text).toMatch(/Backlog counts 250; the newest 100 are shown/);
    expect(text).toMatch(/Older: issue_key WEB-5#comment-\d+-older/);
  });

  test.each(PARTIAL)(
    "a later page of a list that $name: the rows before it are shown without a gap",
    async (part) => {
      const data = largeData({ projects: 1, issues: 450, closedShare: 0 });
      await using space = startSampleSpace({
        data,
        answer: ({ url }) =>
          new URL(url).searchParams.get("offset") === "200"
            ? part.answer()
            : undefined,
      });
      await using server = await connectInProcess(space, { limits: SHORT });
      const { text, isError } = await server.list({ limit: 500 });
      expect(isError).toBe(false);
      expect(text).toStartWith("450 issues match; 1 to 200 are shown");
      expect(text).toContain(
        `Note: Only 200 of 450 could be read: ${part.why}`,
      );
      const rows = text.match(/^\| P1-\d+ /gm)?.map((row) => row.slice(2, -1));
      expect(rows).toEqual(
        data.issues.slice(0, 200).map(({ issueKey }) => issueKey),
      );
      expect(text).toMatch(/Next: .*"offset":200\}/);
    },
  );

  test("a project's statuses, which are named", async () => {
    await using space = startSampleSpace({
      data: largeData({
        projects: 3,
        issues: 900,
        closedShare: 0.8,
        customStatuses: true,
      }),
      switches: { unreadableProjects: ["P2"] },
    });
    await using server = await connectInProcess(space);
    const { text, isError } = await server.list({ limit: 100 });
    expect(isError).toBe(false);
    expect(text).toContain("Note: The statuses of P2 could not be read: ");
    expect(text).toMatch(
      /Note: \d+ of the \d+ that are not closed are missing/,
    );
  });

  test("but the issue itself is an error", async () => {
    await using space = startSampleSpace(
      failing(ISSUE, () => refusal(403, 5, "No.")),
    );
    await using server = await connectInProcess(space);
    expect((await server.details(WEB_5)).isError).toBe(true);
  });
});

describe("a client that cancels", () => {
  test("aborts every request under way, before the space has answered", async () => {
    await using space = startSampleSpace({ answer: never });
    await using server = await connectInProcess(space);
    const cancelled = new AbortController();
    const call = start(server, WEB_5, { signal: cancelled.signal });
    await until(() => space.requests.length === 4);
    cancelled.abort();
    await until(() => space.requests.every(({ aborted }) => aborted));
    expect(call).rejects.toThrow();
  });

  test("ends a retry that is waiting: no further request arrives", async () => {
    await using space = startSampleSpace(failing(ISSUE, () => html("", 503)));
    await using server = await connectInProcess(space, {
      limits: { retryWaitMs: 300, attempts: 2 },
    });
    const cancelled = new AbortController();
    start(server, WEB_5, { signal: cancelled.signal });
    await until(() => paths(space, ISSUE).some(({ status }) => status === 503));
    cancelled.abort();
    // Twice the longest wait that this retry may take.
    await Bun.sleep(900);
    expect(paths(space, ISSUE)).toHaveLength(1);
  });

  test("takes its waiting requests out of the queue", async () => {
    const stuck = Promise.withResolvers<undefined>();
    await using space = startSampleSpace({ answer: () => stuck.promise });
    await using server = await connectInProcess(space);
    const cancelled = new AbortController();
    for (const issue_key of ["WEB-1", "WEB-2", "WEB-3"]) {
      start(server, { issue_key }, { signal: cancelled.signal });
    }
    await until(() => space.requests.length === 4);
    cancelled.abort();
    await until(() => space.requests.every(({ aborted }) => aborted));
    stuck.resolve(undefined);
    const { isError } = await server.details(WEB_5);
    expect(isError).toBe(false);
    expect(paths(space, "/issues/WEB-3")).toEqual([]);
  });
});

describe("progress", () => {
  test("of a list of many pages increases, up to the total", async () => {
    await using space = startSampleSpace({
      data: largeData({ projects: 1, issues: 450, closedShare: 0 }),
    });
    await using server = await connectInProcess(space);
    const news = await newsOf(server, "get_user_issue_list", { limit: 500 });
    expect(news.length).toBeGreaterThan(1);
    expectIncreasing(news.map(({ progress }) => progress));
    for (const { total } of news) expect(total).toBe(450);
  });

  test("of a list with custom statuses increases too", async () => {
    await using space = startSampleSpace({
      data: largeData({ projects: 1, issues: 900, customStatuses: true }),
    });
    await using server = await connectInProcess(space);
    const news = await newsOf(server, "get_user_issue_list", { limit: 500 });
    expect(news.length).toBeGreaterThan(1);
    expectIncreasing(news.map(({ progress }) => progress));
  });

  test("of pages that bring nothing is not told twice", async () => {
    const data = largeData({
      projects: 2,
      issues: 900,
      customStatuses: true,
      closedShare: 0,
    });
    for (const [index, issue] of data.issues.entries()) {
      if (index >= 50 && index < 850) issue.status = { ...issue.status, id: 4 };
    }
    await using space = startSampleSpace({
      data,
      // Leaves only the way through all pages.
      answer: (request, path) => {
        const asked = new URL(request.url).searchParams.getAll("statusId[]");
        const isRefused = path === "/issues" && asked.some((id) => +id > 4);
        return isRefused ? refusal(400, 7, "No.") : undefined;
      },
    });
    await using server = await connectInProcess(space);
    const news = await newsOf(server, "get_user_issue_list", {});
    expect(space.requests.filter(isSearch).length).toBeGreaterThan(9);
    expectIncreasing(news.map(({ progress }) => progress));
  });

  test("of a long thread increases, with the number of comments", async () => {
    const data = sampleData();
    addThread(data, "WEB-5", 400, { text: (n) => `Remark ${n}` });
    await using space = startSampleSpace({ data });
    await using server = await connectInProcess(space);
    const news = await newsOf(server, "get_issue_details", WEB_5);
    expect(news.length).toBeGreaterThan(1);
    expectIncreasing(news.map(({ progress }) => progress));
    // Known from the moment that Backlog has counted them.
    const totals = news.map(({ total }) => total);
    expect(totals.at(-1)).toBe(400);
    expect(new Set(totals).difference(new Set([undefined, 400])).size).toBe(0);
  });
});

describe("the key", () => {
  const KEY = "k_ey-0123456789AbCdEfGhIjKlMnOpQrStUvWxYz";
  const each = (before: string, base = 16, after = "") =>
    [...KEY]
      .map((letter) => letter.charCodeAt(0).toString(base))
      .map((code) => `${before}${code}${after}`)
      .join("");
  const FORMS = [
    KEY,
    KEY.toUpperCase(),
    each("%"),
    encodeURIComponent(each("%")),
    each("\\u00"),
    JSON.stringify(each("\\u00")).slice(1, -1),
    each("\\x"),
    each("\\u{", 16, "}"),
    each("\\", 8),
    each("&#", 10, ";"),
    each("&#x", 16, ";"),
    KEY.replace("_", "\\_"),
  ];
  // What makes Bun and Node talk, and trust anybody.
  const LOUD = {
    BUN_CONFIG_VERBOSE_FETCH: "curl",
    NODE_TLS_REJECT_UNAUTHORIZED: "0",
    NODE_DEBUG: "http,https,net,tls",
    DEBUG: "*",
  };
  const ECHO = `Key: ${FORMS.join(" and ")}.`;
  const withText = () => {
    const data = sampleData();
    for (const issue of data.issues) {
      issue.summary = ECHO;
      issue.description = ECHO;
      issue.status = { ...issue.status, name: ECHO };
      const comments = data.comments.get(issue.id) ?? [];
      for (const comment of comments) comment.content = ECHO;
    }
    return data;
  };
  const FAULTS: [string, SampleSpaceOptions][] = [
    ["no fault, but texts that hold the key", { data: withText() }],
    ...[400, 401, 403, 404, 429, 501].map(
      (status): [string, SampleSpaceOptions] => [
        `${status} that repeats it`,
        { answer: () => refusal(status, 11, ECHO) },
      ],
    ),
    ["HTML that repeats it", { answer: () => html(`<p>${ECHO}`, 200) }],
    ["HTML of a proxy", { answer: () => html(`<p>${ECHO}`, 505) }],
    ["broken JSON", { answer: () => new Response(`{"a":"${ECHO}`) }],
    ["another shape", { answer: () => Response.json({ [KEY]: ECHO }) }],
    [
      "a redirect that repeats it",
      {
        answer: () =>
          Response.redirect(
            `http://localhost:1/?apiKey=${encodeURIComponent(KEY)}`,
            302,
          ),
      },
    ],
    ["a certificate that nobody trusts", { tls: UNTRUSTED }],
  ];

  test.each(FAULTS)(
    "is in no byte of stdout or stderr: %s",
    async (name, options) => {
      await using space = startSampleSpace({ ...options, apiKey: KEY });
      await using server = startRaw({
        ...toEnvironment(space),
        BACKLOG_DOMAIN: space.url,
        ...LOUD,
      });
      const params = { name: KEY, arguments: {} };
      const calls = [
        toCall(1, "get_issue_details", WEB_5),
        toCall(2, "get_user_issue_list", { assignee_names: ["anyone"] }),
        toCall(3, "get_issue_details", { issue_key: KEY }),
        toCall(4, "get_issue_details", { ...WEB_5, [KEY]: 1 }),
        toCall(5, "get_user_issue_list", { keyword: KEY, timezone: KEY }),
        toCall(6, "get_user_issue_list", { keyword: KEY, project_keys: [KEY] }),
        toCall(7, "get_issue_details", { ...WEB_5, issue_title: KEY }),
        { jsonrpc: "2.0", id: 8, method: "tools/call", params },
        { jsonrpc: "2.0", id: 9, method: KEY },
        {
          jsonrpc: "2.0",
          id: 10,
          method: "tools/call",
          params: { _meta: KEY },
        },
      ];
      server.send(...calls);
      for (const { id } of calls) await server.answerTo(id);
      if (name.includes("repeats it") && !name.includes("HTML")) {
        const { id } = calls[0] ?? {};
        expect(toText(await server.answerTo(id))).not.toBe("");
      }
      server.end();
      await server.exited;
      const printed = `${server.lines.join("\n")}${await server.stderr}`;
      for (const form of FORMS) {
        expect(printed).not.toContain(form);
        expect(printed).not.toContain(form.replaceAll("\\", "\\\\"));
      }
      // Nor is there a part that a cut has left.
      for (let index = 0; index < KEY.length - 9; index += 1) {
        const part = KEY.slice(index, index + 10).toLowerCase();
        expect(printed.toLowerCase()).not.toContain(part);
      }
      // What the client itself named came back, but without it.
      expect(printed).toContain("[API key]");
      for (const { apiKey, query } of space.requests) {
        expect(apiKey).toBe(KEY);
        expect(query).not.toContain("apiKey");
      }
    },
  );

  test("goes through no proxy where the space is on this machine", async () => {
    await using proxy = startSampleSpace();
    await using space = startSampleSpace();
    await using server = startRaw({
      ...toEnvironment(space),
      ...toProxies(proxy.url),
    });
    server.send(toCall(1, "get_issue_details", WEB_5));
    expect(toText(await server.answerTo(1))).toStartWith("# WEB-5 ");
    expect(proxy.requests).toEqual([]);
  });

  test("is in no byte that a proxy sees of a space on the internet", async () => {
    let seen = "";
    using proxy = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket, chunk) {
          seen += chunk.toString("latin1");
          socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
        },
      },
    });
    await using server = startRaw({
      BACKLOG_DOMAIN: "example.backlog.com",
      BACKLOG_API_KEY: "0123456789abcdefghij",
      ...toProxies(`http://127.0.0.1:${proxy.port}`),
    });
    server.send(toCall(1, "get_issue_details", WEB_5));
    expect(toText(await server.answerTo(1))).toContain("Could not reach");
    expect(seen).toStartWith("CONNECT example.backlog.com:443 HTTP/1.1\r\n");
    expect(seen).not.toContain("0123456789abcdefghij");
    expect(seen).not.toContain("/api/v2");
  });

  test("goes to no server whose certificate nobody trusts, and the error says why", async () => {
    await using space = startSampleSpace({ tls: UNTRUSTED });
    await using server = startRaw({
      ...toEnvironment(space),
      BACKLOG_DOMAIN: space.url,
      ...LOUD,
    });
    server.send(toCall(1, "get_issue_details", WEB_5));
    const text = toText(await server.answerTo(1));
    expect(text).toContain(`The certificate of ${space.host} is not trusted (`);
    expect(space.requests).toEqual([]);
  });
});

function toProxies(url: string): Record<string, string> {
  const names = ["http_proxy", "https_proxy", "all_proxy"];
  return Object.fromEntries(
    names.flatMap((name) => [
      [name, url],
      [name.toUpperCase(), url],
    ]),
  );
}

type Inbox = { text: string };

/** Passes requests on to a space, but for those that fail on the wire. */
function startBroken(
  space: SampleSpace,
  choose: (
    path: string,
    time: number,
  ) => ((socket: Bun.Socket<Inbox>) => unknown) | undefined,
) {
  const seen = new Map<string, number>();
  const listener = Bun.listen<Inbox>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => {
        socket.data = { text: "" };
      },
      async data(socket, chunk) {
        socket.data.text += chunk.toString();
        if (!socket.data.text.includes("\r\n\r\n")) return;
        const [, target = ""] = socket.data.text.split(" ");
        const path = target.replace(/^\/api\/v2|\?.*/g, "");
        const time = (seen.get(path) ?? 0) + 1;
        seen.set(path, time);
        const fail = choose(path, time);
        if (fail) {
          fail(socket);
          return;
        }
        const response = await fetch(`${space.url}${target}`, {
          headers: { "Backlog-API-Key": space.apiKey },
        });
        const body = await response.text();
        socket.end(
          `HTTP/1.1 ${response.status} OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
        );
      },
    },
  });
  const host = `127.0.0.1:${listener.port}`;
  return {
    url: `http://${host}`,
    apiKey: space.apiKey,
    times: (path: string) => seen.get(path) ?? 0,
    [Symbol.asyncDispose]: async () => listener.stop(true),
  };
}

/** An issue whose description comes letter by letter. */
function trickle(steps: number): Response {
  const issue = sampleData().issues[0];
  const [head = "", tail = ""] = JSON.stringify({
    ...issue,
    description: "Slowly, |",
  }).split("|");
  let step = 0;
  const encoder = new TextEncoder();
  const body = new ReadableStream({
    async pull(controller) {
      step += 1;
      if (step === 1) controller.enqueue(encoder.encode(head));
      else if (step < steps) controller.enqueue(encoder.encode("."));
      else {
        controller.enqueue(encoder.encode(tail));
        controller.close();
      }
      await Bun.sleep(10);
    },
  });
  return new Response(body);
}

type Answer = Response | undefined;

/** A space that answers one path in another way; undefined: as usual. */
function failing(
  path: string,
  answer: () => Answer | Promise<Answer>,
): SampleSpaceOptions {
  return {
    answer: async (_, asked) => {
      if (asked !== path) return undefined;
      const response: Answer = await answer();
      return response?.clone() as Answer;
    },
  };
}

function html(body: string, status: number): Response {
  return new Response(body, {
    status,
    headers: { "Content-Type": "text/html" },
  });
}

function refusal(status: number, code: number, message: string): Response {
  return Response.json(
    { errors: [{ message, code, moreInfo: "" }] },
    { status },
  );
}

function paths(space: SampleSpace, path: string) {
  return space.requests.filter((request) => request.path === path);
}

function isSearch({ path }: { path: string }): boolean {
  return /^\/issues(\/count)?$/.test(path);
}

function expectIncreasing(numbers: number[]): void {
  const unique = [...new Set(numbers)].sort((a, b) => a - b);
  expect(numbers).toEqual(unique);
}

type Server = Awaited<ReturnType<typeof connectInProcess>>;

/** A call that may be cancelled before it has an answer. */
function start(
  { client }: Server,
  args: Record<string, unknown>,
  options: { signal: AbortSignal },
): Promise<unknown> {
  const params = { name: "get_issue_details", arguments: args };
  const call = client.callTool(params, undefined, options);
  call.catch(() => {});
  return call;
}

/** What a call tells of its progress. */
async function newsOf(
  { client }: Server,
  name: string,
  args: Record<string, unknown>,
) {
  const news: { progress: number; total?: number }[] = [];
  await client.callTool({ name, arguments: args }, undefined, {
    onprogress: (one) => news.push(one),
  });
  return news;
}

/** Ends with the test's own time-out where it never comes true. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await Bun.sleep(5);
}
