using System.Collections.Frozen;

namespace Lora.Checkpoints;

/// <summary>Tells pickle checkpoints by their names; they are never opened.</summary>
internal static class PickleFile
{
    private static readonly FrozenSet<string> Extensions =
        FrozenSet.Create(StringComparer.OrdinalIgnoreCase, ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle");

    public static bool HasItsName(string path) => Extensions.Contains(Path.GetExtension(path));
}
