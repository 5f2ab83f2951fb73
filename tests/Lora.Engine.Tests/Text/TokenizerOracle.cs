using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Lora.Tests.Text;

/// <summary>Independent readers of tokenizer.json, run by Node: the npm packages @huggingface/tokenizers, and tokenizers, which is the Rust library.</summary>
internal static class TokenizerOracle
{
    private static readonly Lazy<string?> Folder = new(Install);

    /// <summary>The reference's ids and texts; the test is skipped, by name, where npm or its registry is absent.</summary>
    public static IReadOnlyList<TokenizerGolden> Encode(string tokenizerFile, IReadOnlyList<string> texts)
    {
        Assert.SkipUnless(Folder.Value is not null, "npm is not there or cannot install @huggingface/tokenizers.");
        (int exitCode, string output) = Run("node", Folder.Value, string.Concat(texts.Select(text => JsonSerializer.Serialize(text) + "\n")), "encode.mjs", tokenizerFile);
        Assert.Equal(0, exitCode);
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(TokenizerGolden.Parse).Zip(texts, (golden, text) => golden with { Text = text })];
    }

    /// <summary>What the Rust library makes of texts of many scripts, with emoji, controls and odd spaces; skipped as above.</summary>
    public static IReadOnlyList<TokenizerGolden> Many(string tokenizerFile, int count)
    {
        Assert.SkipUnless(Folder.Value is not null, "npm is not there or cannot install tokenizers.");
        (int exitCode, string output) = Run("node", Folder.Value, "", "many.mjs", tokenizerFile, count.ToString(CultureInfo.InvariantCulture));
        Assert.Equal(0, exitCode);
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(TokenizerGolden.Parse)];
    }

    private static string? Install()
    {
        string folder = Path.Combine(Repository.Root, "artifacts", "tokenizer-oracle");
        Directory.CreateDirectory(folder);
        foreach (string file in Directory.GetFiles(Path.Combine(Repository.Root, "tests", "tokenizer-oracle")))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        }

        try
        {
            string npm = OperatingSystem.IsWindows() ? "npm.cmd" : "npm";
            return Run(npm, folder, "", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline").ExitCode == 0 ? folder : null;
        }
        catch (Win32Exception)
        {
            // Node is not installed: the caller skips its test by name.
            return null;
        }
    }

    private static (int ExitCode, string Output) Run(string program, string folder, string input, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            StandardOutputEncoding = Encoding.UTF8,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        process.WaitForExit();
        return (process.ExitCode, output.Result);
    }
}
