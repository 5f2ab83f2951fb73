using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

public class AdapterInspectorTests
{
    private static readonly string Folder = Repository.Fixture("families", "llama3", "adapter");

    [Fact]
    public void An_adapter_of_PEFT_is_described_from_its_header()
    {
        LoraAdapterInfo info = AdapterInspector.Read(Folder);

        Assert.Equal((4, 8.0, 18, 6528L), (info.Rank, info.Alpha, info.ModuleCount, info.ParameterCount));
        Assert.All(info.Module, module => Assert.Equal((4, 2.0, null), (module.Rank, module.Scaling, module.Norm)));
        Assert.Equal("F32", info.DataType);
        Assert.Equal(new FileInfo(Path.Combine(Folder, "adapter_model.safetensors")).Length, info.Size);
    }

    [Fact]
    public void The_norms_are_those_of_the_products()
    {
        // Sums in double against torch's in double.
        const double Tolerance = 1e-12;
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, TensorData> tensors = AdapterFolder.Load(Folder).Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        foreach (LoraAdapterModule module in AdapterInspector.Read(Folder, withNorms: true).Module)
        {
            Tensor product = Value("lora_B").mm(Value("lora_A")).Times(module.Scaling);
            Assert.Equal(product.norm().ToDouble(), module.Norm!.Value, Tolerance * module.Norm.Value);

            Tensor Value(string part)
            {
                TensorData data = tensors[$"base_model.model.{module.Name}.{part}.weight"];
                Tensor value = empty(data.Shape, dtype: ScalarType.Float32, device: CPU);
                data.Bytes.Span.CopyTo(value.bytes);
                return value.to(ScalarType.Float64);
            }
        }
    }

    [Fact]
    public void The_shares_are_of_the_squared_norm_and_effective_ranks_are_within_the_ranks()
    {
        LoraAdapterInfo info = AdapterInspector.Read(Folder, withNorms: true);

        double whole = info.Module.Sum(module => module.Norm!.Value * module.Norm.Value);
        Assert.Equal(1, info.Module.Sum(module => module.Share!.Value), 1e-12);
        Assert.All(info.Module, module => Assert.Equal(module.Norm!.Value * module.Norm.Value / whole, module.Share!.Value, 1e-12));
        Assert.All(info.Module, module => Assert.InRange(module.EffectiveRank!.Value, 1, module.Rank));
        Assert.Equal(info.Module.Select(module => module.Layer).Distinct().Count(), info.Module.GroupBy(module => module.Block).Count());
        Assert.All(info.Module, module => Assert.EndsWith("." + module.Role, module.Name, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("\"init_lora_weights\": \"corda\"", "init_lora_weights corda")]
    [InlineData("\"init_lora_weights\": \"loftq\"", "init_lora_weights loftq")]
    [InlineData("\"alora_invocation_tokens\": [1, 2]", "alora_invocation_tokens")]
    [InlineData("\"use_qalora\": true", "use_qalora")]
    [InlineData("\"use_bdlora\": {\"nblocks\": 2}", "use_bdlora")]
    [InlineData("\"target_modules\": [\"q_proj\"], \"ensure_weight_tying\": true")]
    [InlineData("\"init_lora_weights\": \"eva\", \"eva_config\": {\"rho\": 2.0}")]
    public void What_is_not_supported_is_described_and_refused_only_in_use(string keys, params string[] unsupported)
    {
        using TemporaryFolder folder = new();
        File.Copy(Path.Combine(Folder, "adapter_model.safetensors"), folder.File("adapter_model.safetensors"));
        folder.Write("adapter_config.json", $$"""{"peft_type": "LORA", "r": 4, "lora_alpha": 8, {{keys}}}""");

        LoraAdapterInfo info = AdapterInspector.Read(folder.Path, withNorms: true);

        Assert.Equal(unsupported, info.Unsupported);
        Assert.Equal((18, unsupported.Length == 0), (info.Module.Count, info.Module.All(module => module.Norm is not null)));
        LoraError? expected = unsupported.Length == 0 ? null : LoraError.AdapterFeatureUnsupported;
        Assert.Equal(expected, (Record.Exception(() => AdapterFolder.Load(folder.Path)) as LoraException)?.Error);
    }

    [Fact]
    public void A_value_that_cannot_be_is_named_with_its_file()
    {
        using TemporaryFolder folder = new();
        string file = folder.Write("adapter_config.json", """{"peft_type": "LORA", "lora_alpha": -1}""");

        Assert.Equal($"Alpha of '{file}' is -1; expected is a finite number from 0, within float32.", Assert.Throws<LoraException>(() => AdapterInspector.Read(folder.Path)).Message.Split('\n')[0].Trim());
    }

    [Fact]
    public void An_adapter_of_mlx_is_named_as_one()
    {
        using TemporaryFolder folder = new();
        folder.Write("adapter_config.json", """{"fine_tune_type": "lora", "num_layers": 4, "lora_parameters": {"rank": 8, "scale": 20.0, "dropout": 0.0}}""");

        LoraException exception = Assert.Throws<LoraException>(() => AdapterInspector.Read(folder.Path));

        Assert.Equal(LoraError.AdapterFeatureUnsupported, exception.Error);
        Assert.Contains("the form of mlx-lm ('lora_parameters', without 'peft_type'), not PEFT's", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_an_adapter_is_refused() =>
        Assert.Equal(LoraError.PathNotFound, Assert.Throws<LoraException>(() => AdapterInspector.Read(Repository.Root)).Error);
}
