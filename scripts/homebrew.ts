/** What the formula says of one version. */
export type Formula = {
  version: string;
  repository: string;
  /** The SHA-256 of the archive of a target. */
  sum: (target: FormulaTarget) => string;
};

/** Homebrew on Linux needs glibc, so the musl builds are not offered. */
export type FormulaTarget =
  | "darwin-arm64"
  | "darwin-x64"
  | "linux-arm64"
  | "linux-x64";

/** The text of Formula/backlog-mcp.rb for a tap. */
export function toFormula({ version, repository, sum }: Formula): string {
  const home = `https://github.com/${repository}`;
  const archive = (target: FormulaTarget) =>
    `url "${home}/releases/download/v${version}/backlog-mcp-${version}-${target}.tar.gz"
      sha256 "${sum(target)}"`;
  return `class BacklogMcp < Formula
  desc "Lets an AI assistant read your work in Backlog over MCP"
  homepage "${home}"
  version "${version}"
  license "MIT"

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
