import {
  addThread,
  byKey,
  largeData,
  type SpaceData,
  sampleData,
} from "../sample-space/data.ts";
import type { RecordedRequest } from "../sample-space/server.ts";

/** A call of a tool: its name and its arguments. */
export type Call = [tool: string, args: Record<string, unknown>];

/** Calls that need nothing of one another, at once; their texts. */
export type Ask = (...calls: Call[]) => Promise<string[]>;

/** Something people ask every day, and what it takes to answer it. */
type Question = {
  name: string;
  data: () => SpaceData;
  call: Call;
  /** The calls a model has to make at the official server, at its best. */
  askPeer: (ask: Ask) => Promise<void>;
};

const SIXTY_PROJECTS = { projects: 60, issues: 2_000, assignedToMe: 60 };
const OPEN = { statusId: [1, 2, 3] };

/** The six that every figure about requests and tokens is taken from. */
export const QUESTIONS: readonly Question[] = [
  {
    name: "My open issues, in 60 projects",
    data: () => largeData(SIXTY_PROJECTS),
    call: ["get_user_issue_list", {}],
    askPeer: (ask) => askMine(ask, OPEN),
  },
  {
    name: "The same with custom statuses",
    data: () => largeData({ ...SIXTY_PROJECTS, customStatuses: true }),
    call: ["get_user_issue_list", {}],
    // It has no tool that tells a project's statuses: the model asks for all
    // of its user's issues and leaves out the closed ones.
    askPeer: (ask) => askMine(ask, {}),
  },
  {
    name: "An ordinary issue",
    data: () => sampleData(),
    call: ["get_issue_details", { issue_key: "WEB-5" }],
    askPeer: (ask) => askThread(ask, "WEB-5"),
  },
  {
    name: "An issue with 350 comments",
    data: () => {
      const data = sampleData();
      addThread(data, "WEB-12", 350);
      return data;
    },
    call: ["get_issue_details", { issue_key: "WEB-12" }],
    askPeer: (ask) => askThread(ask, "WEB-12"),
  },
  {
    name: "An issue with parent and children",
    data: () => {
      const data = sampleData();
      byKey(data, "WEB-1").parentIssueId = byKey(data, "WEB-9").id;
      return data;
    },
    call: ["get_issue_details", { issue_key: "WEB-1" }],
    askPeer: async (ask) => {
      const [issue = ""] = await ask(
        ["get_issue", { issueKey: "WEB-1" }],
        ["get_issue_comments", { issueKey: "WEB-1", count: 100 }],
      );
      const { id, parentIssueId: issueId } = JSON.parse(issue);
      await ask(
        ["get_issue", { issueId }],
        ["get_issues", { parentIssueId: [id], count: 100 }],
      );
    },
  },
  {
    name: "450 matching issues",
    data: () => largeData({ projects: 60, issues: 500, closedShare: 0.1 }),
    call: ["get_user_issue_list", { limit: 500 }],
    // A page of 100 would be cut off, at a limit of its own.
    askPeer: (ask) => askMine(ask, OPEN, 50),
  },
];

/** Page after page until one is not full; nobody has told the total. */
async function askMine(ask: Ask, filters: Call[1], count = 100) {
  const [me = ""] = await ask(["get_myself", {}]);
  const query = { ...filters, assigneeId: [JSON.parse(me).id], count };
  for (let offset = 0; ; offset += count) {
    const [page = ""] = await ask(["get_issues", { ...query, offset }]);
    if (JSON.parse(page).length < count) return;
  }
}

async function askThread(ask: Ask, issueKey: string): Promise<void> {
  const query = { issueKey, count: 100 };
  let [, page = ""] = await ask(
    ["get_issue", { issueKey }],
    ["get_issue_comments", query],
  );
  for (;;) {
    const comments: { id: number }[] = JSON.parse(page);
    if (comments.length < query.count) return;
    const maxId = Math.min(...comments.map(({ id }) => id));
    [page = ""] = await ask(["get_issue_comments", { ...query, maxId }]);
  }
}

/**
 * How many round trips follow on one another: a request that arrived after
 * another was answered is one deeper.
 */
export function toDepth(requests: readonly RecordedRequest[]): number {
  const depths: number[] = [];
  for (const { at } of requests) {
    const before = depths.filter((_, index) => {
      const answeredAt = requests[index]?.answeredAt;
      return answeredAt !== undefined && answeredAt <= at;
    });
    depths.push(1 + Math.max(0, ...before));
  }
  return Math.max(0, ...depths);
}
