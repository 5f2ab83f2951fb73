using Lora.Data;
using Lora.Kernels;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>The fused step of a small Llama: its gradients against autograd's there and against the processor's, its losses over fifty steps, twice the same.</summary>
internal static class StepChecks
{
    private const int Steps = 50;
    private const int StepsOfProcessor = 10; // where nothing is to be seen but that the check runs
    private const double Length = 2e-4; // of the first step, for each value that is trained

    // Gradients of the whole adapter, relative; losses of each of fifty steps, relative to the processor's in float32.
    private static readonly (ScalarType Type, double Gradients, double Losses, double Scale)[] Types =
        [(ScalarType.Float32, 1e-4, 1e-3, 1), (ScalarType.BFloat16, 5e-2, 2e-2, 1), (ScalarType.Float16, 2e-2, 5e-3, 4096)];

    /// <summary>Runs all of them.</summary>
    public static void Run(Findings findings, Device device)
    {
        int steps = findings.IsCard ? Steps : StepsOfProcessor;
        Lazy<Exact> taken = new(() => Exact.Take(steps));
        foreach ((ScalarType type, double gradients, double difference, double scale) in Types.IntersectBy(GpuChecks.Types(device), known => known.Type))
        {
            findings.Try($"gradients, {type}", () =>
            {
                Exact exact = taken.Value;
                using DisposeScope scope = NewDisposeScope();
                using StepModel model = exact.Model(type, device);
                Tensor found = Gradients(model, model.Fused(GpuChecks.Kernels(device, type)), exact.Batch, scale);
                Tensor again = Gradients(model, model.Fused(GpuChecks.Kernels(device, type)), exact.Batch, scale);
                findings.Check($"fused gradients against the processor's by autograd in float32, {type}", KernelChecks.Distance(found, exact.Gradients), gradients);
                findings.Check($"gradients taken twice, values that differ, {type}", found.ne(again).sum().ToDouble(), 0);
                Tensor graph = Gradients(model, new ReferenceStep(model.Model), exact.Batch, scale);
                findings.Check($"fused gradients against autograd's on the device, {type}", KernelChecks.Distance(found, graph), gradients);
            });
            findings.Try($"losses, {type}", () =>
            {
                Exact exact = taken.Value;
                using StepModel model = exact.Model(type, device);
                double[] here = Losses(model, exact.Batch, steps, exact.Rate, scale, GpuChecks.Kernels(device, type));
                findings.Check($"losses of {steps} steps against the processor's, {type}", here.Zip(exact.Losses, (left, right) => Math.Abs(left - right) / right).Max(), difference);
                findings.Check($"the last loss over the first, {type}", here[^1] / here[0], steps == Steps ? 0.99 : 0.998);
            });
        }
    }

    private static Tensor Gradients(StepModel model, IStepEngine engine, Batch batch, double scale)
    {
        using IStepEngine owned = engine;
        SupervisedRows rows = SupervisedRows.Of(batch);
        model.Adapter.Arena.Gradients.zero_();
        engine.AddGradients(batch, rows, scale / rows.Count);
        return model.Adapter.Arena.Gradients.cpu().to(ScalarType.Float64).Times(1 / scale);
    }

    /// <summary>The losses of plain gradient descent: a difference in a gradient stays one of its size, where AdamW would make it larger.</summary>
    private static double[] Losses(StepModel model, Batch batch, int steps, double rate, double scale, IKernels? kernels = null)
    {
        using FusedStep step = model.Fused(kernels);
        using IDisposable noGradient = no_grad();
        SupervisedRows rows = SupervisedRows.Of(batch);
        List<double> losses = [];
        for (int done = 0; done < steps; done++)
        {
            using DisposeScope scope = NewDisposeScope();
            model.Adapter.Arena.Gradients.zero_();
            losses.Add(step.AddGradients(batch, rows, scale / rows.Count) / scale);
            model.Adapter.Arena.Values.Add(model.Adapter.Arena.Gradients, -rate / scale);
        }

        return [.. losses];
    }

    /// <summary>What the processor finds in float32, which lives as long as the process.</summary>
    /// <param name="Batch">The rows.</param>
    /// <param name="Start">The adapter's values, [values].</param>
    /// <param name="Gradients">By autograd, [values], float64.</param>
    /// <param name="Rate">Of the steps.</param>
    /// <param name="Losses">Of each.</param>
    private sealed record Exact(Batch Batch, Tensor Start, Tensor Gradients, double Rate, double[] Losses)
    {
        public static Exact Take(int steps)
        {
            using StepModel model = new(ScalarType.Float32, Shapes.Tiny());
            Batch batch = model.Rows(5, 150, 1, 40);
            using DisposeScope scope = NewDisposeScope();
            Tensor start = randn([model.Adapter.Arena.Count], device: CPU, generator: new Generator(3, CPU)).Multiply(0.05);
            model.Adapter.Arena.Values.copy_(start);
            Tensor found = StepChecks.Gradients(model, new ReferenceStep(model.Model), batch, 1);
            double rate = Length * Math.Sqrt(found.numel()) / found.norm().ToDouble();
            return new(batch, start.DetachFromDisposeScope(), found.DetachFromDisposeScope(), rate, StepChecks.Losses(model, batch, steps, rate, 1));
        }

        /// <summary>The same model elsewhere.</summary>
        public StepModel Model(ScalarType type, Device device)
        {
            StepModel model = new(type, Shapes.Tiny(), device: device);
            model.Adapter.Arena.Values.copy_(Start);
            return model;
        }
    }
}
