using Lora.Adapters;
using Lora.Checkpoints;
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
            Tensor product = Value("lora_B").mm(Value("lora_A")) * module.Scaling;
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
    public void A_folder_without_an_adapter_is_refused() =>
        Assert.Equal(LoraError.PathNotFound, Assert.Throws<LoraException>(() => AdapterInspector.Read(Repository.Root)).Error);
}
