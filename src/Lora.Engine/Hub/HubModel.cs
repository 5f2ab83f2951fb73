using System.Text.RegularExpressions;
using Lora.Checkpoints;

namespace Lora.Hub;

/// <summary>A model of a hub, and which state of it: the addresses that it has there.</summary>
public sealed partial record HubModel
{
    /// <summary>What a model's newest state is called.</summary>
    public const string Main = "main";

    /// <param name="name">The model's name, <c>org/name</c>.</param>
    /// <param name="revision">A branch, a tag or a commit; null for main.</param>
    /// <exception cref="LoraException">HubNameInvalid.</exception>
    public HubModel(string name, string? revision = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        Name = IsName(name) ? name : throw Invalid(name);
        Revision = revision is null or "" ? Main : IsRevision(revision) ? revision : throw Invalid(revision);
    }

    /// <summary>The newest state of a model whose name has its owner, as every one has that a user can make.</summary>
    /// <param name="name">The model's name, <c>org/name</c>.</param>
    /// <exception cref="LoraException">HubNameInvalid.</exception>
    public static HubModel WithOwner(string name) => HubCache.IsHubName(name) ? new(name) : throw Invalid(name);

    /// <summary>Refuses the address of a model's page, and the name of its folder in a cache, with the name that they mean; any other text may be a path.</summary>
    /// <exception cref="LoraException">HubNameInvalid.</exception>
    public static void RefuseAddress(string text)
    {
        if (Meant(text).Length > 0)
        {
            throw Invalid(text);
        }
    }

    /// <summary>The model's name, <c>org/name</c>.</summary>
    public string Name { get; }

    /// <summary>A branch, a tag or a commit.</summary>
    public string Revision { get; }

    /// <summary>Whether the revision is a commit, whose content never changes.</summary>
    public bool IsCommit => Commit().IsMatch(Revision);

    /// <summary>Whether a text can be a model's name on a hub: one or two parts of letters, digits, dots, dashes and underscores, with a letter, a digit or an underscore at both ends, so that none leads out of a cache or into another's folder.</summary>
    public static bool IsName(string text) => NameForm().IsMatch(text) && !text.Contains("..", StringComparison.Ordinal) && !text.Contains("--", StringComparison.Ordinal);

    /// <summary>What describes this state: its commit and its files, <c>api/models/NAME/revision/REVISION</c>.</summary>
    public string Description => $"/api/models/{Name}/revision/{Uri.EscapeDataString(Revision)}";

    /// <summary>Where a file of this state lies, <c>NAME/resolve/REVISION/FILE</c>.</summary>
    /// <param name="file">The file's path in the model, with slashes.</param>
    public string PathOf(string file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return $"/{Name}/resolve/{Uri.EscapeDataString(Revision)}/{string.Join('/', file.Split('/').Select(Uri.EscapeDataString))}";
    }

    /// <inheritdoc/>
    public override string ToString() => Revision == Main ? Name : $"{Name}@{Revision}";

    /// <summary>Whether a text can be a branch, a tag or a commit: git's rules, as far as they keep a name inside of a folder and, under Windows, apart from others.</summary>
    internal static bool IsRevision(string text) =>
        RevisionForm().IsMatch(text) && text.Split('/').All(part => part.Length > 0 && part[0] != '.' && part[^1] != '.') && !text.Contains("..", StringComparison.Ordinal);

    private static LoraException Invalid(string text) => LoraException.Of(LoraError.HubNameInvalid, text, text, Meant(text));

    /// <summary>What of a name is meant by the address of a page, or by a cache's folder; nothing where it is neither.</summary>
    private static string Meant(string text)
    {
        Match page = Page().Match(text);
        string name = page.Success ? page.Groups["name"].Value : text.StartsWith(SnapshotPath.Prefix, StringComparison.Ordinal) ? SnapshotPath.NameOf(text) : "";
        string revision = Uri.UnescapeDataString(page.Groups["revision"].Value);
        return !IsName(name) ? "" : $": it is called {name} here{(IsRevision(revision) && revision != Main ? $", with -Revision {revision}" : "")}";
    }

    // As the browser has it, of a model, of one of its files or of its repository.
    [GeneratedRegex(@"^(https?://[^/]+|(www\.)?huggingface\.co|hf\.co)/(models/)?(?<name>[^/?#]+(/[^/?#]+?)?)(\.git)?(/(tree|blob|resolve|commit|raw)/(?<revision>[^/?#]+)[^?#]*)?/?([?#].*)?\z", RegexOptions.ExplicitCapture)]
    private static partial Regex Page();

    [GeneratedRegex(@"^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?(/[A-Za-z0-9_]([A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?)?\z")]
    private static partial Regex NameForm();

    [GeneratedRegex(@"^[\w./+@=-]{1,255}\z")]
    private static partial Regex RevisionForm();

    [GeneratedRegex(@"^[0-9a-f]{40}\z")]
    private static partial Regex Commit();
}
