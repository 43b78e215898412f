import { type BacklogCall, CLOSED, PAGE_SIZE } from "./backlog.ts";
import { BacklogError, valueOrError } from "./errors.ts";
import type { Focus, IssueReference } from "./issue-key.ts";
import {
  type Children,
  type IssueDetails,
  roomForThread,
  type Thread,
  toFieldDay,
  type View,
} from "./issue-text.ts";
import type { Issue, IssueRow } from "./responses.ts";
import { openThread, readThread } from "./thread.ts";

/**
 * An issue with everything about it, and as much of its timeline as can be
 * shown. Whatever needs no other answer is asked for at once.
 */
export async function getIssueDetails(
  call: BacklogCall,
  { idOrKey, focus }: IssueReference,
  { timeZone, today }: Pick<View, "timeZone" | "today">,
): Promise<{ details: IssueDetails; thread: Thread; view: View }> {
  const view: View = { timeZone, today, focus };
  const streams = openThread(call, idOrKey, focus);
  const onFirstPage = focus.on === "issue" || focus.on === "description";
  const countComments = () => valueOrError(call.countComments(idOrKey));
  const [issue, related, early] = await Promise.all([
    call.getIssue(idOrKey),
    turnsPages(focus) ? [] : valueOrError(call.listRelatedIssues(idOrKey)),
    onFirstPage ? undefined : countComments(),
    ...streams.map((stream) => stream.prefetch()),
  ]);
  const hasMore = onFirstPage && streams.some(({ readToEnd }) => !readToEnd);
  // The next comments need not wait for their number.
  const counting = hasMore ? countComments() : Promise.resolve(early);
  void counting.then((count) => call.expect(count));
  const details = await readAround(call, issue, { related, focus });
  const room = roomForThread(details, view);
  const [thread, count] = await Promise.all([
    readThread(call, streams, { key: issue.issueKey, room, view }),
    counting,
  ]);
  const counted = call.keep("The number of comments", count);
  for (const { failure } of streams) call.keep("Some comments", failure);
  // What could not be read may still be there.
  if (streams.every(({ failure }) => failure === undefined)) {
    noteFocus(call, { key: issue.issueKey, focus }, thread);
  }
  return { details, thread: { ...thread, counted }, view };
}

function turnsPages({ on }: Focus): boolean {
  return on === "older" || on === "newer";
}

/** The issue and those it belongs to; a page of its thread needs no others. */
async function readAround(
  call: BacklogCall,
  issue: Issue,
  {
    related,
    focus,
  }: { related: readonly IssueRow[] | BacklogError; focus: Focus },
): Promise<IssueDetails> {
  const [parent, children, zone] = await Promise.all([
    turnsPages(focus) ? undefined : valueOrError(getParent(call, issue)),
    turnsPages(focus) ? undefined : valueOrError(getChildren(call, issue)),
    call.getTimeZone([
      issue.startDate,
      issue.dueDate,
      ...(issue.customFields ?? []).map(toFieldDay),
    ]),
  ]);
  // An older or smaller space has no related issues at all.
  const isAbsent = related instanceof BacklogError && related.status === 404;
  return {
    issue,
    address: `${call.origin}/view/${issue.issueKey}`,
    spaceTimeZone: zone,
    parent: call.keep(`The parent (ID ${issue.parentIssueId})`, parent),
    children: call.keep("The children", children),
    related: (isAbsent ? [] : call.keep("Related issues", related)) ?? [],
  };
}

async function getParent(
  call: BacklogCall,
  { parentIssueId }: Issue,
): Promise<IssueRow | undefined> {
  return parentIssueId
    ? await call.getIssueRow(String(parentIssueId))
    : undefined;
}

async function getChildren(
  call: BacklogCall,
  { id, childIssueSummary }: Issue,
): Promise<Children | undefined> {
  if (childIssueSummary?.total === 0) return undefined;
  const filter = { parentIssueId: [id] };
  const { entries, received } = await call.listIssues({
    ...filter,
    sort: "created",
    order: "asc",
    count: PAGE_SIZE,
  });
  if (received === 0 && !childIssueSummary) return undefined;
  const needsCount = received === PAGE_SIZE && !childIssueSummary;
  const [counted, countedClosed] = needsCount
    ? await Promise.all([
        call.countIssues(filter),
        call.countIssues({ ...filter, statusId: [CLOSED] }),
      ])
    : [childIssueSummary?.total ?? 0, childIssueSummary?.closed ?? undefined];
  const total = Math.max(counted, received);
  const closed =
    total === received
      ? entries.filter(({ status }) => status.id === CLOSED).length
      : countedClosed;
  return {
    issues: entries,
    // A page that is not full holds all that the list will ever show.
    unlisted: received < PAGE_SIZE ? total - received : 0,
    total,
    ...(closed !== undefined && { closed }),
  };
}

function noteFocus(
  call: BacklogCall,
  { key, focus }: { key: string; focus: Focus },
  { entries }: Thread,
): void {
  if (focus.on !== "comment") return;
  if (entries.some(({ id }) => id === focus.id)) return;
  const others = entries.length > 0 ? "; those around its place are shown" : "";
  call.notes.add(`There is no comment ${focus.id} in ${key} now${others}.`);
}
