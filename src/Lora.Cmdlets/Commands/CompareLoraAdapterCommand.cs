using System.Management.Automation;
using Lora.Adapters;

namespace Lora.Commands;

/// <summary>Compares what two adapters change: the cosine between the changes of each module, and with -Summary of all together.</summary>
[Cmdlet(VerbsData.Compare, "LoraAdapter", HelpUri = HelpAddress.Pages + "Compare-LoraAdapter.md")]
[OutputType(typeof(LoraAdapterDifference), typeof(LoraAdapterComparison))]
public sealed class CompareLoraAdapterCommand : AsyncLoraCmdlet
{
    private LoraAdapter? reference;

    /// <summary>The adapter to compare with.</summary>
    [Parameter(Position = 0)]
    [Recorded<AdapterArgument>]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(AdapterCompleter))]
    public AdapterArgument ReferenceAdapter { get; set; } = new();

    /// <summary>The adapters to compare, each by itself.</summary>
    [Parameter(Position = 1, ValueFromPipeline = true)]
    [Recorded<AdapterArgument>(Several = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(AdapterCompleter))]
    public AdapterArgument[] DifferenceAdapter { get; set; } = [];

    /// <summary>Gives one object for the two in place of one for each module.</summary>
    [Parameter]
    public SwitchParameter Summary { get; set; }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        LoraAdapter known = reference ??= ReferenceAdapter.One(new(this)).Load(this);
        foreach (LoraAdapter other in AdapterArgument.Each(DifferenceAdapter, this).Select(source => Reported(() => source.Load(this))).OfType<LoraAdapter>())
        {
            try
            {
                RunOnWorker("Comparing LoRA adapters", (worker, cancellation) => Give(AdapterComparer.Compare(known, other, worker, cancellation), worker));
            }
            // One that cannot be compared does not end the pipeline for those behind it.
            catch (LoraException exception)
            {
                WriteError(exception);
            }
        }
    }

    private void Give(LoraAdapterComparison comparison, PipelineWorker worker)
    {
        worker.Write(new PipelineRecord.Verbose($"{comparison}."));
        object[] results = Summary ? [comparison] : [.. comparison.Module];
        Array.ForEach(results, result => worker.Write(new PipelineRecord.Output(result)));
    }
}
