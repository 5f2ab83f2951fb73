using Lora.Adapters;
using Lora.Hub;

namespace Lora.Commands;

/// <summary>Where an adapter is: in memory, in a folder, or in a file without a configuration. It is read when it is asked for.</summary>
internal sealed class AdapterSource
{
    private readonly LoraAdapter? adapter;
    private readonly string? written;
    private readonly string folder = "";
    private readonly string? file;

    /// <summary>An adapter in memory.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="written">The folder that it was written to as it is; null for none, or for the one that it knows.</param>
    public AdapterSource(LoraAdapter adapter, string? written = null) => (this.adapter, this.written) = (adapter, written ?? adapter.Path);

    private AdapterSource(string folder, string? file) => (this.folder, this.file) = (folder, file);

    /// <summary>An adapter on disk.</summary>
    /// <param name="place">Full path of its folder, of one of its two files, or of the one file that it is; or of its folder in a cache.</param>
    /// <exception cref="LoraException">NotAnAdapter, or what <see cref="HubCache.Resolve"/> throws.</exception>
    public static AdapterSource At(string place)
    {
        string path = HubCache.Resolve(place);
        bool isPart = File.Exists(path) && Path.GetFileName(path) is AdapterConfigJson.FileName or AdapterFolder.WeightsName;
        string folder = isPart ? Path.GetDirectoryName(path)! : path;
        // diffusers saves an adapter as a folder with this one file and no configuration.
        string alone = isPart || File.Exists(path) ? path : Path.Combine(path, AdapterFile.DiffusersName);
        return File.Exists(Path.Combine(folder, AdapterConfigJson.FileName)) ? new(folder, null)
            // PEFT's weights without their configuration are no adapter: neither alpha nor the targets are in them.
            : !isPart && File.Exists(alone) && AdapterFile.FormatOf(alone) is not null ? new(folder, alone)
            : throw LoraException.Of(LoraError.NotAnAdapter, path, path, WhyNot(folder));
    }

    /// <summary>The adapters at literal paths. One that is none is reported, and the next one follows.</summary>
    public static IEnumerable<AdapterSource> Each(IEnumerable<string> literal, LoraCmdlet cmdlet)
    {
        PathResolver paths = new(cmdlet);
        return literal.Select(path => cmdlet.Reported(() => At(paths.Literal(path)))).OfType<AdapterSource>();
    }

    /// <summary>Its folder; null for an adapter in memory that has none, and for one that is a single file.</summary>
    public string? Folder => adapter is not null ? written : file is null ? folder : null;

    /// <summary>The adapter itself.</summary>
    /// <param name="cmdlet">Warns of what is not understood.</param>
    /// <exception cref="LoraException">What <see cref="AdapterFolder.Load"/> throws.</exception>
    public LoraAdapter Load(LoraCmdlet cmdlet)
    {
        LoraAdapter read = adapter ?? (file is null ? AdapterFolder.Load(folder) : AdapterFile.Load(file));
        ConfigFile.WarnOfUnknownKeys(read.Config, Name, cmdlet);
        return read;
    }

    /// <summary>The adapter's description.</summary>
    /// <param name="cmdlet">Warns of what is not understood.</param>
    /// <param name="withNorms">Whether the norm of each module's change is wanted.</param>
    /// <exception cref="LoraException">What <see cref="AdapterInspector.Read"/> throws.</exception>
    public LoraAdapterInfo Describe(LoraCmdlet cmdlet, bool withNorms)
    {
        LoraAdapterInfo read = adapter is not null ? AdapterInspector.Describe(adapter, withNorms)
            : file is not null ? AdapterFile.Describe(file, withNorms)
            : AdapterInspector.Read(folder, withNorms);
        ConfigFile.WarnOfUnknownKeys(read.Config!, Name, cmdlet);
        return read;
    }

    private string Name => adapter?.ToString() ?? file ?? Path.Combine(folder, AdapterConfigJson.FileName);

    private static string WhyNot(string folder) =>
        AdapterFile.IsGgufModel(folder) ? "it is a model of llama.cpp, and no adapter of one (general.type)"
        : File.Exists(folder) ? $"an adapter's files are {AdapterConfigJson.FileName} and {AdapterFolder.WeightsName}"
        : File.Exists(Path.Combine(folder, "config.json")) ? $"it is the folder of a model, which has no {AdapterConfigJson.FileName}"
        : $"the folder has no {AdapterConfigJson.FileName}{Hint(folder)}";

    private static string Hint(string folder) => AdapterFolder.Hint(folder) is { Length: > 0 } hint ? "." + hint : "";
}
