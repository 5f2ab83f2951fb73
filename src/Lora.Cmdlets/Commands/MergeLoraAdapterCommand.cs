using System.Management.Automation;
using Lora.Adapters;

namespace Lora.Commands;

/// <summary>Makes one adapter out of several: their weighted sum, exact or by a method that settles their differences.</summary>
[Cmdlet(VerbsData.Merge, "LoraAdapter", DefaultParameterSetName = AdapterSet, HelpUri = HelpAddress.Pages + "Merge-LoraAdapter.md")]
[OutputType(typeof(LoraAdapter))]
public sealed class MergeLoraAdapterCommand : AdapterCmdlet
{
    private readonly List<LoraAdapter> adapters = [];
    private readonly List<LoraProblem> problems = [];

    /// <summary>How the adapters are combined.</summary>
    [Parameter]
    public CombinationMethod Method { get; set; }

    /// <summary>One weight for each adapter, in their order; 1 each unless given.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public double[]? Weight { get; set; }

    /// <summary>The share of values that is kept by the methods that drop some.</summary>
    [Parameter]
    [ValidateRange(0.0, 1.0)]
    public double? Density { get; set; }

    /// <summary>How the ties methods find the majority's sign.</summary>
    [Parameter]
    public MajoritySign MajoritySign { get; set; }

    /// <summary>The rank that the svd methods truncate to; the largest of the adapters unless given.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? Rank { get; set; }

    /// <summary>The quantile that the svd methods cut the values of A and B off at.</summary>
    [Parameter]
    [ValidateRange(0.0, 1.0)]
    public double? Clamp { get; set; }

    /// <summary>Decides what the dare methods drop.</summary>
    [Parameter]
    public int Seed { get; set; }

    /// <summary>Threads that compute.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? Thread { get; set; }

    /// <inheritdoc/>
    private protected override void ProcessAdapter(AdapterSource source)
    {
        if (Reported(() => source.Load(this)) is LoraAdapter adapter)
        {
            adapters.Add(adapter);
        }
    }

    /// <summary>Keeps the failure of an adapter: a sum without it would be another one.</summary>
    protected internal override void WriteError(LoraException exception) => problems.AddRange(exception.Problems);

    /// <inheritdoc/>
    protected override void EndWork()
    {
        LoraException.ThrowIfAny(problems);
        foreach (string warning in AdapterCombination.Warnings(adapters))
        {
            WriteWarning(warning);
        }

        CombinationOptions options = new()
        {
            Method = Method,
            Weight = Weight,
            Density = Density,
            MajoritySign = MajoritySign,
            Rank = Rank,
            Clamp = Clamp,
            Seed = Seed,
            Thread = Thread,
        };
        RunOnWorker(
            "Merging LoRA adapters",
            (worker, cancellation) => worker.Write(new PipelineRecord.Output(AdapterCombination.Combine(adapters, options, worker, cancellation))));
    }
}
