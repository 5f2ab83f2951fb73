using Lora.Adapters;
using Lora.Checkpoints;

namespace Lora.Export;

/// <summary>What keeps a merged model from being written to a folder, found out before anything is.</summary>
internal static class MergeDestination
{
    /// <summary>The file that is a user's own where it is there: it is kept, as beside an adapter.</summary>
    private const string Card = "README.md";

    /// <summary>The problems of a folder.</summary>
    /// <param name="checkpoint">The base model.</param>
    /// <param name="folder">The folder to write.</param>
    /// <param name="overwrite">Whether a model that is there is replaced.</param>
    public static IEnumerable<LoraProblem> Problems(Checkpoint checkpoint, string folder, bool overwrite)
    {
        if (IsOfBase(checkpoint, folder))
        {
            yield return new(LoraError.MergeRefused, folder, checkpoint.Path, "the destination is the folder of the base model");
        }
        else if (AdapterFolder.IsThere(folder))
        {
            yield return new(LoraError.MergeRefused, folder, checkpoint.Path, $"the destination '{folder}' holds an adapter, which loaders would add once more");
        }
        else if (!overwrite && ModelFiles.HasModel(folder))
        {
            yield return new(LoraError.OutputExists, folder, folder);
        }
        else if (OutputFolder.WhyNot(folder) is string reason)
        {
            yield return new(LoraError.OutputFailed, folder, folder, reason);
        }
    }

    /// <summary>The files of a destination that would be replaced unasked by those that go with the weights.</summary>
    public static IEnumerable<LoraProblem> Problems(IEnumerable<string> companions, string folder, bool overwrite) =>
        from file in companions
        let target = Path.Combine(folder, Path.GetFileName(file))
        where !overwrite && !ModelFiles.HasModel(folder) && File.Exists(target) && !Keeps(target)
        select new LoraProblem(LoraError.OutputExists, target, target);

    /// <summary>Whether a file of the destination stays as it is.</summary>
    public static bool Keeps(string target) => Path.GetFileName(target) == Card && File.Exists(target);

    /// <summary>Whether any file of the base lies in the folder, whatever links lead there.</summary>
    private static bool IsOfBase(Checkpoint checkpoint, string folder) => ModelFiles.Places(checkpoint).Any(place => RealPath.AreSame(place, folder));
}
