using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>
/// A small model of every family of the tests' fixtures: gradients by what a run of it takes, against those of autograd on the processor in float32, on the same
/// rounded weights. A new family is looked at by being there.
/// </summary>
internal static class FamilyChecks
{
    private const double Exact = 1e-4; // relative, of the whole adapter, in float32
    private const double OfGraph = 2; // times the error of autograd there, in 16 bits
    private const double OfLoss = 2e-2;
    private const double ScaleOfHalf = 1024; // of the loss, as runs have one in float16

    /// <summary>Runs all of them.</summary>
    public static void Run(Findings findings, Device device)
    {
        foreach ((string name, ModelShape shape) in All())
        {
            bool isFused = FusedBlock.In(shape) is not null;

            // Autograd is torch's own in every dtype, and another rounding may choose other experts.
            foreach (ScalarType type in isFused ? GpuChecks.Types(device) : [ScalarType.Float32])
            {
                findings.Try($"{name}, {type}", () =>
                {
                    using DisposeScope scope = NewDisposeScope();
                    using FamilyModel model = new(shape, new(), type, device, rounding: type);
                    using IStepEngine engine = isFused ? model.Fused(GpuChecks.Kernels(device, type)) : new ReferenceStep(model.Model);
                    Tensor found = Compare(findings, $"{name}, {(isFused ? "fused" : "autograd")}, {type}", shape, new(), model, engine, type);
                    if (isFused)
                    {
                        findings.Check($"{name}, taken twice, values that differ, {type}", found.ne(model.Gradients(engine, model.Together, ScaleOf(type)).Gradients).sum().ToDouble(), 0);
                    }
                });
            }
        }
    }

    /// <summary>The shape of a fixture.</summary>
    public static ModelShape Shape(string name) => ModelConfigReader.Read(Path.Combine(Folder, name));

    /// <summary>Holds an engine's gradients to those of autograd on the processor in float32.</summary>
    /// <param name="findings">Told.</param>
    /// <param name="what">What they are of.</param>
    /// <param name="shape">The family's.</param>
    /// <param name="form">What is special.</param>
    /// <param name="model">The model.</param>
    /// <param name="engine">Takes the gradients.</param>
    /// <param name="type">What it computes in.</param>
    /// <returns>The engine's gradients.</returns>
    public static Tensor Compare(Findings findings, string what, ModelShape shape, Form form, FamilyModel model, IStepEngine engine, ScalarType type)
    {
        using FamilyModel exact = new(shape, form, ScalarType.Float32, CPU, rounding: form.Quantization == LoraQuantization.None ? type : ScalarType.Float32);
        using (no_grad())
        {
            model.Adapter.Arena.Values.copy_(exact.Adapter.Arena.Values);
        }

        // The fused step pads nothing; routers are balanced over a batch.
        bool isFused = engine is FusedStep;
        using ReferenceStep reference = new(exact.Model);
        (Tensor expected, double loss) = exact.Gradients(reference, isFused ? exact.Apart : exact.Together);
        (Tensor found, double lossHere) = model.Gradients(engine, model.Together, ScaleOf(type));
        double most = Exact;
        if (type != ScalarType.Float32)
        {
            using ReferenceStep graph = new(model.Model);
            most = OfGraph * KernelChecks.Distance(model.Gradients(graph, model.Apart, ScaleOf(type)).Gradients, expected);
        }

        findings.Check($"{what}, gradients", KernelChecks.Distance(found, expected), most);
        findings.Check($"{what}, loss", Math.Abs(lossHere - loss) / loss, type == ScalarType.Float32 ? Exact : OfLoss);
        return found;
    }

    private static double ScaleOf(ScalarType type) => type == ScalarType.Float16 ? ScaleOfHalf : 1;

    private static string Folder => Repository.Path("tests", "fixtures", "families");

    /// <summary>Each shape once: some fixtures differ in their files alone.</summary>
    private static IEnumerable<(string Name, ModelShape Shape)> All() =>
        (from folder in Directory.EnumerateDirectories(Folder)
         orderby folder
         select (Name: Path.GetFileName(folder), Shape: ModelConfigReader.Read(folder)))
        .DistinctBy(family => (family.Shape.ModelType, string.Join('\n', family.Shape.Blocks), family.Shape.Head, family.Shape.Embedding));
}
