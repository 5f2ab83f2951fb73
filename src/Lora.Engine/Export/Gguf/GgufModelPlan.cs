using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;

namespace Lora.Export;

/// <summary>The tensors of a model's file and where their values come from, found out from headers.</summary>
internal sealed class GgufModelPlan
{
    private const string Weight = "weight";

    private readonly TaskShape shape;
    private readonly GgufArchitecture architecture;
    private readonly AttentionShape? attention; // of a decoder alone, what is done to q and k
    private readonly HashSet<string> conv1D;
    private readonly Dictionary<string, GgufModelTensor> tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string Tensor, int Part)> places = new(StringComparer.Ordinal);

    /// <summary>Makes the plan. libtorch is loaded.</summary>
    /// <param name="shape">The model, with the vocabulary that it is written with.</param>
    /// <param name="architecture">What it is in llama.cpp.</param>
    /// <param name="tree">The base model's modules.</param>
    /// <param name="layout">The tensors of the merged model.</param>
    /// <param name="type">What values are stored in.</param>
    /// <param name="problems">Takes everything that keeps the model from being written.</param>
    public GgufModelPlan(TaskShape shape, GgufArchitecture architecture, ModuleTree tree, MergedLayout layout, LoraTensorType type, List<LoraProblem> problems)
    {
        (this.shape, this.architecture) = (shape, architecture);
        attention = shape is ModelShape decoder ? GgufShape.AttentionOf(decoder.Blocks[0]) : null;
        conv1D = [.. tree.Modules.Where(module => module.Kind == LoraModuleKind.Conv1D).Select(module => module.Name)];
        foreach ((string name, long[] expected) in RequiredTensors.Of(shape, name => Of(name) is not null))
        {
            (string module, string parameter) = Parts(name);
            if (layout.Of(module, parameter) is not TensorInfo tensor)
            {
                problems.Add(new(LoraError.TensorMissing, name, tree.ModelType, name));
            }
            else if (!tensor.Shape.AsSpan().SequenceEqual(expected))
            {
                problems.Add(new(LoraError.TensorShapeMismatch, name, tensor.File, name, string.Join(", ", tensor.Shape), string.Join(", ", expected)));
            }
            else if (!TensorType.IsKnown(tensor.DataType))
            {
                problems.Add(new(LoraError.TensorDataTypeUnknown, name, tensor.File, name, tensor.DataType.ToName(), TensorType.Names));
            }
            else if (architecture.Find(module) is not (string place, _) || (parameter != Weight && !architecture.HasBias(place)))
            {
                problems.Add(new(LoraError.GgufRefused, name, tensor.File, $"llama.cpp has no tensor of its architecture {architecture.Name} for '{name}'"));
            }
            else
            {
                Add(module, parameter, tensor);
            }
        }

        AddRotation();
        GgufTypeMix mix = new(type, shape, hasHead: tensors.ContainsKey("output.weight"));
        Tensors = [.. tensors.Select(tensor => new GgufTensor(tensor.Key, mix.TypeOf(tensor.Key, tensor.Value.Shape), tensor.Value.Shape))];

        TensorInfo? Of(string name) => layout.Of(Parts(name).Module, Parts(name).Parameter);
    }

    /// <summary>The tensors of the file.</summary>
    public IReadOnlyList<GgufTensor> Tensors { get; }

    /// <summary>Where the values of a tensor of the file come from.</summary>
    public GgufModelTensor Find(string tensor) => tensors[tensor];

    /// <summary>The tensor of the file that has the values of one of the model's, and which of its parts they are; null where none has.</summary>
    /// <param name="name">The name that the engine's modules have for it.</param>
    public (string Tensor, int Part)? PlaceOf(string name) => places.TryGetValue(name, out (string Tensor, int Part) place) ? place : null;

    private void Add(string module, string parameter, TensorInfo tensor)
    {
        (string place, int? expert) = architecture.Find(module)!.Value;
        string name = $"{place}.{parameter}";
        bool isTurned = parameter == Weight && conv1D.Contains(module);
        long[] own = isTurned ? [.. tensor.Shape.Reverse()] : tensor.Shape;
        bool isNorm = place.EndsWith("_norm", StringComparison.Ordinal);
        GgufPart part = new(tensor)
        {
            IsTurned = isTurned,
            RowOrder = attention is null ? null : architecture.RowOrder(place, own[0], attention.Heads, attention.KeyValueHeads),
            Adds = isNorm && parameter == Weight && architecture.AddsOneToNorms ? 1 : 0,
            Factor = GgufShape.FactorOf(place, shape, architecture) ?? 1,
        };
        if (expert is null)
        {
            tensors.Add(name, new(own, [part]));
        }
        else if (tensors.TryGetValue(name, out GgufModelTensor? stack))
        {
            tensors[name] = new([stack.Shape[0] + 1, .. own], [.. stack.Parts, part]); // the engine asks for experts in their order
        }
        else
        {
            tensors.Add(name, new([1, .. own], [part]));
        }

        places.Add($"{module}.{parameter}", (name, tensors[name].Parts.Count - 1));
    }

    private static (string Module, string Parameter) Parts(string name) => (name[..name.LastIndexOf('.')], name[(name.LastIndexOf('.') + 1)..]);

    /// <summary>The divisors of the rotation's frequencies, which are tensors where each pair of values has one of its own.</summary>
    private void AddRotation()
    {
        if (attention?.Rope is not { Scaling: RopeScaling.Llama3 or RopeScaling.LongRope } rope)
        {
            return;
        }

        int rotated = rope.RotatedValues(attention.HeadDimension);
        if (rope.Scaling == RopeScaling.LongRope)
        {
            Add("rope_factors_long.weight", rope.LongFactors);
            Add("rope_factors_short.weight", rope.ShortFactors);
        }
        else
        {
            RopeParameters plain = rope with { Scaling = RopeScaling.None };
            Add("rope_freqs.weight", [.. Enumerable.Range(0, rotated / 2).Select(k => RopeFrequencies.Of(plain, k, rotated, 0) / RopeFrequencies.Of(rope, k, rotated, 0))]);
        }

        void Add(string name, IReadOnlyList<double> factors) => tensors.Add(name, new([factors.Count], [new(null) { Values = [.. factors.Select(factor => (float)factor)] }]));
    }
}

/// <summary>A tensor of the file: its shape, and the tensors of the model whose values follow each other in it.</summary>
internal sealed record GgufModelTensor(long[] Shape, IReadOnlyList<GgufPart> Parts);

/// <summary>A tensor of the model, and what is done to its values.</summary>
/// <param name="Source">The tensor; null for one that the configuration gives.</param>
internal sealed record GgufPart(TensorInfo? Source)
{
    /// <summary>The values of one that the configuration gives.</summary>
    public float[] Values { get; init; } = [];

    /// <summary>Whether [in, out] becomes [out, in].</summary>
    public bool IsTurned { get; init; }

    /// <inheritdoc cref="GgufArchitecture.RowOrder"/>
    public long[]? RowOrder { get; init; }

    /// <summary>What is added to each value.</summary>
    public double Adds { get; init; }

    /// <summary>What each value is multiplied by after that.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>Whether values stay what and where they are.</summary>
    public bool IsPlain => Source is not null && !IsTurned && RowOrder is null && Adds == 0 && Factor == 1;
}
