import { NAME } from "../clients.ts";
import manifest from "../package.json" with { type: "json" };
import { PLACEHOLDERS } from "../places.ts";
import {
  archiveName,
  BUNDLE_TARGETS,
  bundleName,
  isWindows,
  programName,
  type Target,
} from "./targets.ts";

/** What a form asks for; its format knows one language, so a line has both. */
export const SETTINGS = [
  {
    variable: "BACKLOG_API_KEY",
    field: "api_key",
    title: "API key / APIキー",
    description:
      "Made in Backlog under Personal Settings > API. / Backlogの「個人設定」→「API」で発行します。",
    required: true,
    sensitive: true,
  },
  {
    variable: "BACKLOG_DOMAIN",
    field: "domain",
    title: "Space / スペース",
    description: `Your space's address, such as ${PLACEHOLDERS.BACKLOG_DOMAIN}. / スペースのアドレス（例：${PLACEHOLDERS.BACKLOG_DOMAIN}）。`,
    required: true,
    sensitive: false,
  },
  {
    variable: "USER_ID",
    field: "user_id",
    title: "User ID / ユーザーID",
    description:
      "Your numeric ID. Left empty, Backlog is asked for it. / 数字のID。空欄のままなら、Backlogに問い合わせます。",
    required: false,
    sensitive: false,
  },
  {
    variable: "BACKLOG_PROJECTS",
    field: "projects",
    title: "Projects / プロジェクト",
    description:
      "The keys of the only projects to show, such as WEB,OPS. Left empty, all are shown. / 表示するプロジェクトのキー（例：WEB,OPS）。空欄なら、すべて表示します。",
    required: false,
    sensitive: false,
  },
] as const;

/** What a host such as Claude Desktop reads to install and start a bundle. */
export function toBundleManifest(target: Target, repository: string) {
  const home = `https://github.com/${repository}`;
  const program = `server/${programName(target)}`;
  return {
    manifest_version: "0.3",
    name: manifest.name,
    display_name: "Backlog",
    version: manifest.version,
    description: manifest.description,
    author: { name: repository.split("/")[0], url: home },
    repository: { type: "git", url: home },
    homepage: home,
    documentation: `${home}#readme`,
    support: `${home}/issues`,
    license: manifest.license,
    keywords: ["backlog", "nulab", "issues"],
    // Issues are read from Backlog, whose maker's policy this is.
    privacy_policies: ["https://nulab.com/privacy/"],
    compatibility: {
      platforms: [isWindows(target) ? "win32" : target.replace(/-.*/, "")],
    },
    server: {
      type: "binary",
      entry_point: program,
      mcp_config: {
        // The host that installs the bundle fills these in, and leaves those
        // that are not set as they stand.
        command: `\${__dirname}/${program}`,
        args: [],
        env: Object.fromEntries(
          SETTINGS.map(({ variable, field }) => [
            variable,
            `\${user_config.${field}}`,
          ]),
        ),
      },
    },
    user_config: Object.fromEntries(
      SETTINGS.map(({ variable: _, field, ...asked }) => [
        field,
        { type: "string", ...asked },
      ]),
    ),
    tools: [
      {
        name: "get_issue_details",
        description:
          "Read one issue in full, with all its comments and changes.",
      },
      {
        name: "get_user_issue_list",
        description:
          "Find issues by assignee, status, project, date or keyword.",
      },
    ],
  };
}

/** server.json, by which the MCP registry lists the bundles of one version. */
export function toRegistryEntry(
  repository: string,
  sums: ReadonlyMap<string, string>,
) {
  const home = `https://github.com/${repository}`;
  const [owner] = repository.split("/");
  const { version } = manifest;
  return {
    $schema:
      "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
    // The registry compares the owner's name with regard to case.
    name: `io.github.${owner}/${manifest.name}`,
    title: "Backlog",
    description: manifest.description,
    version,
    websiteUrl: home,
    repository: { url: home, source: "github" },
    packages: BUNDLE_TARGETS.map((target) => ({
      registryType: "mcpb",
      identifier: `${home}/releases/download/v${version}/${bundleName(target)}`,
      version,
      fileSha256: sums.get(bundleName(target)),
      transport: { type: "stdio" },
      environmentVariables: SETTINGS.map(
        ({ variable, description, required, sensitive }) => ({
          ...{ name: variable, description, format: "string" },
          ...{ isRequired: required, isSecret: sensitive },
        }),
      ),
    })),
  };
}

/**
 * Formula/backlog-mcp.rb for a tap. Homebrew on Linux needs glibc, so the musl
 * builds are not offered.
 */
export function toFormula(
  repository: string,
  sums: ReadonlyMap<string, string>,
): string {
  const { version, license } = manifest;
  const home = `https://github.com/${repository}`;
  const archive = (target: Target) =>
    `url "${home}/releases/download/v${version}/${archiveName(target)}"
      sha256 "${sums.get(archiveName(target))}"`;
  return `class BacklogMcp < Formula
  desc "Lets an AI assistant read your work in Backlog over MCP"
  homepage "${home}"
  version "${version}"
  license "${license}"

  livecheck do
    url :stable
    strategy :github_latest
  end

  on_macos do
    depends_on macos: :ventura
    on_arm do
      ${archive("darwin-arm64")}
    end
    on_intel do
      ${archive("darwin-x64")}
    end
  end

  on_linux do
    on_arm do
      ${archive("linux-arm64")}
    end
    on_intel do
      ${archive("linux-x64")}
    end
  end

  def install
    bin.install "backlog-mcp"
  end

  def caveats
    text = <<~EOS
      Print the configuration for your MCP client, ready to paste:
        backlog-mcp config
      Then see whether Backlog answers, and what is missing if it does not:
        backlog-mcp check
    EOS
    if OS.linux?
      text += <<~EOS

        If backlog-mcp shows Bun's own help or crashes, Homebrew has rewritten
        the program, as it did with Bun programs before August 2026. Then run:
          brew update && brew reinstall backlog-mcp

        On a musl system such as Alpine take a linux-*-musl archive instead;
        it needs libstdc++ (apk add libstdc++):
          ${home}/releases
      EOS
    end
    text
  end

  test do
    request = <<~JSON
      {"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"brew","version":"1"}}}
    JSON
    assert_match "serverInfo", pipe_output("#{bin}/backlog-mcp", request, 0)
  end
end
`;
}

/**
 * Links that install the server into a client with one click, once the program
 * is on PATH. No key is in them: VS Code asks for it, Cursor's entry leaves it
 * to the user's own file.
 */
export function toLinks(): Record<"VS Code" | "Cursor", string> {
  const asked = SETTINGS.filter(({ required }) => required);
  const inputs = asked.map(({ field, title, sensitive }) => ({
    ...{ type: "promptString", id: field, description: title },
    password: sensitive,
  }));
  const env = Object.fromEntries(
    asked.map(({ variable, field }) => [variable, `\${input:${field}}`]),
  );
  const server = { command: manifest.name };
  const encode = (value: unknown) => encodeURIComponent(JSON.stringify(value));
  const config = Buffer.from(JSON.stringify(server)).toString("base64");
  return {
    "VS Code": `https://vscode.dev/redirect/mcp/install?name=${NAME}&config=${encode({ type: "stdio", ...server, env })}&inputs=${encode(inputs)}`,
    Cursor: `https://cursor.com/en/install-mcp?name=${NAME}&config=${encodeURIComponent(config)}`,
  };
}
