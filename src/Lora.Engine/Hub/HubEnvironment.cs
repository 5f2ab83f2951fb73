using System.Text.RegularExpressions;
using Lora.Checkpoints;

namespace Lora.Hub;

/// <summary>
/// The environment variables that Hugging Face's own tools read, with their rules: <c>HF_HOME</c>, <c>HF_HUB_CACHE</c>, <c>HF_ENDPOINT</c>,
/// <c>HF_TOKEN</c>, <c>HF_TOKEN_PATH</c>, <c>HF_HUB_OFFLINE</c> and what they had been called before. An empty or blank one counts as none.
/// </summary>
/// <param name="read">Gives a variable's value; null for those of this process.</param>
internal sealed partial class HubEnvironment(Func<string, string?>? read = null)
{
    private const string PublicHub = "https://huggingface.co";
    private const long MostTokenBytes = 10_000;

    private static readonly string[] Places = ["HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN_PATH", "XDG_CACHE_HOME"];

    private readonly Func<string, string?> read = read ?? Environment.GetEnvironmentVariable;

    /// <summary>The folder of the token and of the cache.</summary>
    public string Home => Place("HF_HOME")
        ?? Path.Combine(Place("XDG_CACHE_HOME") ?? Path.Combine(UserFolder, ".cache"), "huggingface");

    /// <summary>The folder with a folder a model.</summary>
    public string Cache => Place("HF_HUB_CACHE") ?? Place("HUGGINGFACE_HUB_CACHE") ?? Path.Combine(Home, "hub");

    /// <summary>Whether nothing may go out.</summary>
    public bool IsOffline => IsTrue("HF_HUB_OFFLINE") || (Value("HF_HUB_OFFLINE") is null && IsTrue("TRANSFORMERS_OFFLINE"));

    /// <summary>Whether links are not to be made, though the file system has them.</summary>
    public bool AvoidsLinks => IsTrue("HF_HUB_DISABLE_SYMLINKS");

    /// <summary>Seconds without a byte after which a connection counts as lost; null for the usual time.</summary>
    public TimeSpan? Timeout => int.TryParse(Value("HF_HUB_DOWNLOAD_TIMEOUT"), out int seconds) && seconds > 0 ? TimeSpan.FromSeconds(seconds) : null;

    /// <summary>The hub's address.</summary>
    /// <exception cref="LoraException">HubSettingInvalid.</exception>
    public Uri Endpoint
    {
        get
        {
            string text = (Value("HF_ENDPOINT") ?? PublicHub).Trim().TrimEnd('/');

            // What may be a password or a key is not said again.
            string shown = text.AsSpan().ContainsAny('@', '?') ? "HF_ENDPOINT" : $"HF_ENDPOINT, '{text}',";
            return !Uri.TryCreate(text, UriKind.Absolute, out Uri? address) || address.Scheme is not ("http" or "https")
                ? throw LoraException.Of(LoraError.HubSettingInvalid, null, shown, "is no address of a hub, as https://huggingface.co is")
                : address.UserInfo.Length > 0 ? throw LoraException.Of(LoraError.HubSettingInvalid, null, shown, "holds a user's name or password, which is not sent")
                : address.Query.Length > 0 || address.Fragment.Length > 0 ? throw LoraException.Of(LoraError.HubSettingInvalid, null, shown, "goes on after a question mark or a hash, as no hub's address does")
                : address;
        }
    }

    /// <summary>The user's token: that of the environment, then that of the file that logging in leaves; null without one, or where it is not to be sent unasked.</summary>
    /// <exception cref="LoraException">FileUnreadable or HubSettingInvalid.</exception>
    public HubToken? Token
    {
        get
        {
            if (IsTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN"))
            {
                return null;
            }

            return HubToken.Of(Value("HF_TOKEN") ?? Value("HUGGING_FACE_HUB_TOKEN")) ?? OfFile(Place("HF_TOKEN_PATH") ?? Path.Combine(Home, "token"));
        }
    }

    /// <summary>What a user may not have meant: places that are no full paths. They begin at the folder that the process is in, as for the other tools, and a shell's location is elsewhere.</summary>
    public IReadOnlyList<string> Warnings =>
    [
        .. from name in Places
           let value = Value(name)
           where value is not null && !Path.IsPathFullyQualified(Expanded(value))
           select $"{name}, '{value}', is no full path: it means '{Place(name)}', wherever the shell is.",
    ];

    // As Python's expanduser has it: HOME is not looked at under Windows, where Git's shell sets one.
    private string UserFolder => Value(OperatingSystem.IsWindows() ? "USERPROFILE" : "HOME") ?? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

    private string? Value(string name) => read(name) is string value && !string.IsNullOrWhiteSpace(value) ? value : null;

    private bool IsTrue(string name) => Value(name)?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE";

    private static HubToken? OfFile(string file) => Directory.Exists(file) ? throw LoraException.Of(LoraError.FileUnreadable, file, file, "it is a folder, where a token's file is expected.")
        : File.Exists(file) && new FileInfo(file).Length > 0 ? HubToken.Of(RegularFile.ReadAllText(file, MostTokenBytes), $"The token in '{file}'")
        : null;

    private string? Place(string name) => Value(name) is string path ? Path.GetFullPath(Expanded(path)) : null;

    // "~" and "$NAME" are the shell's elsewhere; in a variable that a file or a service sets they are still there.
    private string Expanded(string path)
    {
        string home = path == "~" || path.StartsWith("~/", StringComparison.Ordinal) || path.StartsWith(@"~\", StringComparison.Ordinal) ? UserFolder + path[1..] : path;
        return Variable().Replace(home, match => Value(match.Groups["name"].Value) ?? match.Value);
    }

    [GeneratedRegex(@"\$\{(?<name>\w+)\}|\$(?<name>\w+)|%(?<name>\w+)%")]
    private static partial Regex Variable();
}
