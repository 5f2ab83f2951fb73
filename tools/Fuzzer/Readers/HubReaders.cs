using System.Text;
using System.Text.Json;
using Lora.Hub;

namespace Lora.Tools.Fuzzer;

/// <summary>What a hub says of a model: whatever it is, no file of it leads out of the model's folder.</summary>
internal static class HubReaders
{
    private const string Description = """
        {
          "id": "org/model", "sha": "0123456789abcdef0123456789abcdef01234567", "gated": false,
          "siblings": [
            { "rfilename": "config.json", "size": 519, "blobId": "0123456789abcdef0123456789abcdef01234567" },
            { "rfilename": "additional_chat_templates/tool_use.jinja", "size": 7, "blobId": "1123456789abcdef0123456789abcdef01234567" },
            { "rfilename": "model-00001-of-00002.safetensors", "size": 4, "blobId": "2123456789abcdef0123456789abcdef01234567",
              "lfs": { "sha256": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "size": 4, "pointerSize": 134 } },
            { "rfilename": "model-00002-of-00002.safetensors" },
            { "rfilename": "model.safetensors.index.json", "size": null }
          ]
        }
        """;

    public static IReadOnlyList<Reader> All { get; } = [new("hub-description", 40, Open)];

    private static OpenReader Open(string folder)
    {
        JsonDamage damage = new(Encoding.UTF8.GetBytes(Description));
        return new(random => new("description.json", damage.Apply(random)), input => Read(input.Content, folder));
    }

    private static void Read(byte[] content, string folder)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(content);
        }
        catch (JsonException)
        {
            return; // the client says so by name
        }

        using (document)
        {
            ModelCache cache = new(folder, "org/model");
            HubListing listing = HubListing.Of(new("org/model"), document.RootElement, "hub");
            foreach (HubFile file in NeededFiles.Of(listing, "hub", [], []))
            {
                string pointer = Path.GetFullPath(cache.Pointer(listing.Commit, file.Path));
                if (!pointer.StartsWith(cache.Snapshot(listing.Commit) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                {
                    throw new InvalidDataException($"'{file.Path}' leads out of the model's folder");
                }
            }
        }
    }
}
