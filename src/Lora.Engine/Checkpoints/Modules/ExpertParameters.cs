namespace Lora.Checkpoints;

/// <summary>
/// The parameters of a module that holds the weights of all experts of a block, as transformers 5 has them: <c>gate_up_proj</c> and <c>down_proj</c> of
/// three dimensions, the first of which counts the experts. They are no modules; each is listed by itself, under its own dotted name.
/// </summary>
internal static class ExpertParameters
{
    private const string Holder = "experts";
    private const string Bias = "_bias";
    private const string Blocks = "_blocks";
    private const string Scales = "_scales";

    /// <summary>Values of two 4-bit floats a byte that share one scale (MXFP4).</summary>
    private const int BlockValues = 2;

    /// <summary>Whether a module holds such parameters.</summary>
    public static bool AreIn(ModuleNode node) => node.Role == Holder && node.Weight is null && node.Parameters.Any(parameter => IsMatrices(parameter, node));

    /// <summary>
    /// Whether the model's class stores its experts [experts, in, out] and says so to PEFT (<c>is_transposed</c>): gpt-oss alone. Llama 4 stores them so
    /// too and does not say it, so that PEFT takes its inputs for outputs.
    /// </summary>
    public static bool HaveInputsFirst(string? modelType) => modelType == "gpt_oss";

    /// <summary>Describes each parameter, in the order in which the classes define them, which is that of PEFT's wrappers.</summary>
    /// <param name="node">The module.</param>
    /// <param name="modelType">The model's type.</param>
    /// <param name="source">The model's folder or file.</param>
    public static IEnumerable<LoraModuleInfo> Describe(ModuleNode node, string? modelType, string source) =>
        from tensor in node.Parameters
        let parameter = NameOf(tensor, node)
        where !IsScale(tensor, node)
        orderby Place(parameter)
        select Describe($"{node.Name}.{parameter}", parameter, tensor, ShapeOf(tensor, node), HaveInputsFirst(modelType), source);

    /// <summary>Puts names of parameters of one module into the order in which the classes define them.</summary>
    public static IEnumerable<string> InOrder(IEnumerable<string> parameters) => parameters.OrderBy(Place);

    private static ParameterPlace Place(string parameter) =>
        parameter.EndsWith(Bias, StringComparison.Ordinal) ? new(parameter[..^Bias.Length], true) : new(parameter, false);

    private static LoraModuleInfo Describe(string name, string parameter, TensorInfo tensor, long[] shape, bool inputsFirst, string source)
    {
        bool areMatrices = shape.Length == 3;
        return new()
        {
            Name = name,
            Parameter = parameter,
            Kind = areMatrices ? LoraModuleKind.Expert : LoraModuleKind.Other,
            Shape = new(shape),
            InFeatures = areMatrices ? shape[inputsFirst ? 1 : 2] : shape.Length == 2 ? shape[1] : null,
            OutFeatures = areMatrices ? shape[inputsFirst ? 2 : 1] : shape.Length == 2 ? shape[0] : null,
            ExpertCount = areMatrices ? shape[0] : null,
            HasInputsFirst = inputsFirst && areMatrices,
            DataType = tensor.DataType.ToName(),
            Quantization = tensor.Name.EndsWith(Blocks, StringComparison.Ordinal) ? "MXFP4 4-bit" : null,
            ParameterCount = shape.Aggregate(1L, (count, size) => count * size),
            Part = ModuleParts.Of(name, readsText: true),
            Layer = ModuleDescription.Layer(name),
            Role = ModuleRole.Of(name),
            Model = source,
            File = Path.GetFileName(tensor.File),
        };
    }

    private static bool IsMatrices(TensorInfo tensor, ModuleNode node) => (tensor.Shape.Length == 3 && !IsScale(tensor, node)) || HasScales(tensor, node);

    /// <summary>Whether a tensor is packed 4-bit floats, [experts, out, in / 32, 16], with exponents beside it.</summary>
    private static bool HasScales(TensorInfo tensor, ModuleNode node) =>
        tensor is { Shape.Length: 4 } && tensor.Name.EndsWith(Blocks, StringComparison.Ordinal) && node.Parts.ContainsKey(Last(tensor)[..^Blocks.Length] + Scales);

    private static bool IsScale(TensorInfo tensor, ModuleNode node) =>
        tensor.Name.EndsWith(Scales, StringComparison.Ordinal) && node.Parts.ContainsKey(Last(tensor)[..^Scales.Length] + Blocks);

    private static string NameOf(TensorInfo tensor, ModuleNode node) => HasScales(tensor, node) ? Last(tensor)[..^Blocks.Length] : Last(tensor);

    // The class of gpt-oss has them [experts, in, out]; its file has the packed ones the other way.
    private static long[] ShapeOf(TensorInfo tensor, ModuleNode node) =>
        HasScales(tensor, node) ? [tensor.Shape[0], tensor.Shape[2] * tensor.Shape[3] * BlockValues, tensor.Shape[1]] : tensor.Shape;

    private static string Last(TensorInfo tensor) => tensor.Name[(tensor.Name.LastIndexOf('.') + 1)..];

    /// <summary>Where a parameter stands: as the field's common names do, and each bias behind its weight.</summary>
    private readonly record struct ParameterPlace(string Name, bool IsBias) : IComparable<ParameterPlace>
    {
        public int CompareTo(ParameterPlace other) => ModuleOrder.Instance.Compare(Name, other.Name) is int order and not 0 ? order : IsBias.CompareTo(other.IsBias);
    }
}
