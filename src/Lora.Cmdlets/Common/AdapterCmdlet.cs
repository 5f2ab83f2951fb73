using System.Management.Automation;

namespace Lora.Commands;

/// <summary>A cmdlet that reads adapters: -Adapter in any form, or -LiteralPath. One that fails is reported, and the next one follows.</summary>
public abstract class AdapterCmdlet : PathCmdlet
{
    /// <summary>The parameter set of -Adapter, the default one.</summary>
    protected internal const string AdapterSet = "Adapter";

    /// <summary>The adapters: results, adapters in memory, objects of Get-LoraAdapter, or paths; wildcards are allowed.</summary>
    [Parameter(Position = 0, ParameterSetName = AdapterSet, ValueFromPipeline = true)]
    [Recorded<AdapterArgument>(Several = true)]
    [Alias("Path")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(AdapterCompleter))]
    public AdapterArgument[] Adapter { get; set; } = [];

    /// <summary>Works on one adapter.</summary>
    private protected abstract void ProcessAdapter(AdapterSource source);

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        IEnumerable<AdapterSource> sources = ParameterSetName == LiteralPathSet
            ? AdapterSource.Each(LiteralPath, this)
            : AdapterArgument.Each(Adapter, this);
        foreach (AdapterSource source in sources)
        {
            ProcessAdapter(source);
        }
    }
}
