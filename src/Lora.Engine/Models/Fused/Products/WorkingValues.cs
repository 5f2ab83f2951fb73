using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// All trained values of an adapter in the dtype of the products, and gradients in it: one operation brings the values there and one adds the gradients up,
/// however many layers are adapted. In float32 they are the adapter's own.
/// </summary>
internal sealed class WorkingValues : IDisposable
{
    private readonly FactorHome home;

    /// <param name="home">The values.</param>
    /// <param name="type">Of the products.</param>
    public WorkingValues(FactorHome home, ScalarType type)
    {
        this.home = home;
        IsOwn = home.Values.dtype == type;
        Values = IsOwn ? home.Values : zeros_like(home.Values, dtype: type).DetachFromDisposeScope();

        // Zeros for good where no layer of the step writes.
        Gradients = IsOwn ? home.Gradients : zeros_like(home.Gradients, dtype: type).DetachFromDisposeScope();
    }

    /// <summary>Whether the tensors are the adapter's own, so that gradients are added and not written.</summary>
    public bool IsOwn { get; }

    /// <summary>[count].</summary>
    public Tensor Values { get; }

    /// <summary>[count]; what a batch writes.</summary>
    public Tensor Gradients { get; }

    /// <summary>Those of each adapter that has flat tensors, by their values.</summary>
    public static IReadOnlyDictionary<Tensor, WorkingValues> Of(IEnumerable<LowRankFactors> factors, ScalarType type) =>
        // By reference: torch's own equality compares values.
        factors.Select(found => found.Home).OfType<FactorHome>().DistinctBy(home => home.Values, Same)
            .ToDictionary(home => home.Values, home => new WorkingValues(home, type), Same);

    /// <summary>Takes over the trained values as they are now.</summary>
    public void Refresh() => _ = IsOwn ? Values : Values.copy_(home.Values);

    /// <summary>Adds a batch's gradients to the adapter's.</summary>
    public void Gather() => _ = IsOwn ? Gradients : home.Gradients.Add(Gradients);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!IsOwn)
        {
            Values.Dispose();
            Gradients.Dispose();
        }
    }

    private static IEqualityComparer<Tensor> Same { get; } = EqualityComparer<Tensor>.Create(ReferenceEquals, System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode);
}
