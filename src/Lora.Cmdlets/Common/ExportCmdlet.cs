using System.Management.Automation;

namespace Lora.Commands;

/// <summary>A cmdlet that writes a folder from an adapter: each folder once in a pipeline, and only with -Force over what is there.</summary>
public abstract class ExportCmdlet : AsyncLoraCmdlet
{
    /// <summary>The parameter set of -Path, the default one.</summary>
    protected const string PathSet = "Path";

    private const string LiteralPathSet = "LiteralPath";

    private readonly HashSet<string> destinations = new(StringComparer.Ordinal);

    /// <summary>The adapter: a result, an adapter in memory, an object of Get-LoraAdapter, or a path.</summary>
    [Parameter(ValueFromPipeline = true)]
    [Recorded<AdapterArgument>(Several = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(AdapterCompleter))]
    public AdapterArgument[] Adapter { get; set; } = [];

    /// <summary>The folder to write; it is made when it is not there.</summary>
    [Parameter(ParameterSetName = PathSet, Mandatory = true, Position = 0)]
    public string Path { get; set; } = "";

    /// <summary>The same, with wildcard characters standing for themselves.</summary>
    [Parameter(ParameterSetName = LiteralPathSet, Mandatory = true)]
    [Alias("PSPath", "LP")]
    public string LiteralPath { get; set; } = "";

    /// <summary>Overwrites what is there.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Gives what was written.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <summary>What is written at the place that the user named.</summary>
    protected virtual string Written(string place) => place;

    /// <summary>The file of a form whose files have an ending, at the place that the user named, though it be named as a folder is.</summary>
    private protected static string WithEnding(string place, string ending)
    {
        string file = System.IO.Path.TrimEndingDirectorySeparator(place);
        return file.EndsWith(ending, StringComparison.OrdinalIgnoreCase) ? file : file + ending;
    }

    /// <summary>Writes a folder, if ShouldProcess allows it.</summary>
    /// <returns>Whether it was written.</returns>
    protected abstract bool Export(LoraAdapter adapter, string folder);

    /// <summary>Where is written, as a full path.</summary>
    private protected string Place
    {
        get
        {
            bool isLiteral = ParameterSetName == LiteralPathSet;
            return Written(new PathResolver(this).Destination(isLiteral ? LiteralPath : Path, isLiteral));
        }
    }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        string folder = Place;
        foreach (LoraAdapter adapter in AdapterArgument.Each(Adapter, this).Select(source => Reported(() => source.Load(this))).OfType<LoraAdapter>())
        {
            // Whatever -Force says: the second adapter of a pipeline would overwrite the first.
            if (!destinations.Add(folder))
            {
                throw LoraException.Of(LoraError.OutputRepeated, folder, folder);
            }

            if (Export(adapter, folder) && PassThru)
            {
                Give(folder);
            }
        }
    }

    /// <summary>Gives what was written, for -PassThru: the folder or the file.</summary>
    private protected virtual void Give(string place) => WriteObject(InvokeProvider.Item.Get([place], force: true, literalPath: true), enumerateCollection: true);
}
