using System.Globalization;
using System.Text.RegularExpressions;
using Lora.Adapters;
using Lora.Checkpoints;

namespace Lora.Training;

/// <summary>
/// The adapters of earlier moments of a run: <c>checkpoint-000100</c> and so on in the folder that its adapter goes to, each an adapter's folder as PEFT
/// reads it. As many are kept as were asked for, and the oldest go.
/// </summary>
/// <param name="folder">Where the run's adapter goes.</param>
/// <param name="limit">How many are kept.</param>
/// <param name="snapshot">Gives the adapter as it is now.</param>
internal sealed partial class AdapterCheckpoints(string folder, int limit, Func<LoraAdapter> snapshot)
{
    /// <summary>The name that a step's folder has.</summary>
    public static string NameOf(int step) => string.Create(CultureInfo.InvariantCulture, $"checkpoint-{step:D6}");

    /// <summary>Writes the adapter as it is now.</summary>
    /// <exception cref="LoraException">OutputFailed.</exception>
    public void Write(int step) => AdapterFolder.Save(snapshot(), Path.Combine(folder, NameOf(step)), overwrite: true);

    /// <summary>Removes those that are too many.</summary>
    /// <param name="last">The last step; what is of a later one is of an earlier run.</param>
    public void Prune(int last)
    {
        if (!Directory.Exists(folder))
        {
            return;
        }

        IEnumerable<(int Step, string Path)> later = All(folder).Where(checkpoint => checkpoint.Step > last);
        IEnumerable<(int Step, string Path)> older = All(folder).Where(checkpoint => checkpoint.Step <= last).OrderByDescending(checkpoint => checkpoint.Step).Skip(limit);
        Remove(later.Concat(older));
        foreach (string left in Directory.GetDirectories(folder, ".checkpoint-*.tmp"))
        {
            // A process that was killed within a writing left it, perhaps at a step that no later one writes.
            Leftovers.RemoveFolders(folder, Path.GetFileName(left).Split('.') is [_, string name, ..] ? $".{name}" : "");
        }
    }

    /// <summary>Removes all of an earlier run, which a new one takes the place of.</summary>
    public static void RemoveAll(string folder)
    {
        if (Directory.Exists(folder))
        {
            Remove(All(folder));
        }
    }

    private static IEnumerable<(int Step, string Path)> All(string folder) =>
        from path in Directory.GetDirectories(folder, "checkpoint-*")
        let name = Name().Match(Path.GetFileName(path))
        where name.Success && IsOurs(Directory.GetFileSystemEntries(path))
        select (int.Parse(name.Groups[1].Value, CultureInfo.InvariantCulture), path);

    /// <summary>What somebody put under such a name, and what a run put there and somebody added to, is not ours to remove.</summary>
    private static bool IsOurs(string[] entries) =>
        // Nothing, or not all of an adapter, is there where a process was killed while it removed it.
        entries.Length == 0 || (entries.All(AdapterFolder.IsPart) && entries.Any(path => Path.GetFileName(path).StartsWith("adapter_", StringComparison.Ordinal)));

    private static void Remove(IEnumerable<(int Step, string Path)> checkpoints) => checkpoints.ToList().ForEach(checkpoint => FileChanges.DeleteFolder(checkpoint.Path));

    // Six digits at least: names sort as steps do, and the checkpoint-500 of transformers' Trainer is not taken for one of ours.
    [GeneratedRegex(@"^checkpoint-(\d{6,9})$")]
    private static partial Regex Name();
}
