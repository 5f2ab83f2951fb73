using Lora.Hub;
using Lora.Native;

namespace Lora.HostChecks;

/// <summary>The folders outside of a user's own that commands write to, with the room that they should have.</summary>
internal static class WrittenPlaces
{
    public static IReadOnlyList<(string What, string Folder, long Needed)> Of() =>
    [
        .. UserRuntime.Root is string root ? new[] { ("the libraries of libtorch", root, SizeText.Gigabyte) } : [],
        ("models that are downloaded", HubCache.Default.Folder, 10 * SizeText.Gigabyte),
        ("temporary files", Path.GetTempPath(), 2 * SizeText.Gigabyte),
    ];
}
