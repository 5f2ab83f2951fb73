using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Native;
using Lora.Selection;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>Random adapters of a module [5, 7], and what an adapter amounts to, in float64.</summary>
internal static class CombinedAdapter
{
    public const string Module = "layers.0.q";
    public const int Outputs = 5;
    public const int Inputs = 7;

    public static LoraAdapter Random(int seed, int rank, double alpha, bool rslora = false, string module = Module)
    {
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new((ulong)seed, CPU);
        return new()
        {
            Config = new() { Rank = rank, Alpha = alpha, UseRsLora = rslora, TargetModule = ["q"] },
            Tensors =
            [
                AdapterTensors.Copy(PeftKey.Of(module, "lora_A.weight"), randn(rank, Inputs, generator: generator)),
                AdapterTensors.Copy(PeftKey.Of(module, "lora_B.weight"), randn(Outputs, rank, generator: generator)),
            ],
        };
    }

    /// <summary>A or B.</summary>
    public static Tensor Factor(LoraAdapter adapter, string factor, string module = Module)
    {
        TensorData data = adapter.Tensors.Single(tensor => tensor.Name == PeftKey.Of(module, $"lora_{factor}.weight"));
        return AdapterTensors.Read(data).to(ScalarType.Float64);
    }

    /// <summary>s.</summary>
    public static double Scaling(LoraAdapter adapter, string module = Module) => adapter.Config.ScalingOf(
        (int)Factor(adapter, "A", module).shape[0], new PatternTable(adapter.Config.AlphaPattern).ValueOf(module, adapter.Config.Alpha));

    /// <summary>s · B A.</summary>
    public static Tensor Product(LoraAdapter adapter, string module = Module) =>
        Factor(adapter, "B", module).mm(Factor(adapter, "A", module)).Times(Scaling(adapter, module));

    /// <summary>Σ w · s · B A.</summary>
    public static Tensor Sum(LoraAdapter[] adapters, double[] weights, string module = Module) =>
        stack([.. adapters.Zip(weights, (adapter, weight) => Product(adapter, module).Times(weight))]).sum(dim: 0);

    /// <summary>The values row by row.</summary>
    public static double[] Values(Tensor tensor) => [.. tensor.contiguous().data<double>()];
}
