namespace Lora.Tests.Adapters;

/// <summary>What two adapters cannot both do is refused before anything is changed, at the moment at which both would be on.</summary>
public class AdapterConflictsTests
{
    [Theory]
    [InlineData("saved", "saved", "'norm'")]
    [InlineData("bias", "bias", "'linear'")]
    [InlineData("bias", "saved", "'norm'")]
    public void Two_adapters_that_train_a_parameter_whole_are_not_on_together(string one, string other, string named)
    {
        using OwnModel model = new();
        using AttachedLora first = Attach(model, one);
        MergeTests.Disturb(first);
        byte[] bytes = model.Bytes();

        LoraException exception = Assert.Throws<LoraException>(() => Attach(model, other));

        Assert.Equal(LoraError.AdapterConflict, exception.Error);
        Assert.Contains(exception.Problems, problem => problem.Message.Contains(named, StringComparison.Ordinal));
        Assert.Equal(bytes, model.Bytes());
        first.IsEnabled = false;
        using AttachedLora second = Attach(model, other);
        Assert.Equal(LoraError.AdapterConflict, Assert.Throws<LoraException>(() => first.IsEnabled = true).Error);
        Assert.False(first.IsEnabled);
        second.IsEnabled = false;
        first.IsEnabled = true;
        Assert.Equal(bytes, model.Bytes());
    }

    [Fact]
    public void A_module_that_one_adapter_trains_whole_is_not_merged_into_by_another()
    {
        using OwnModel model = new();
        using AttachedLora whole = LoraModules.Attach(model, MergeTests.Variant("plain") with { TargetModule = ["table"], ModulesToSave = ["linear"] });
        using AttachedLora product = Attach(model, "plain");
        MergeTests.Disturb(whole);
        byte[] bytes = model.Bytes();

        Assert.Equal(LoraError.AdapterConflict, Assert.Throws<LoraException>(product.Merge).Error);
        Assert.Equal(bytes, model.Bytes());
        Assert.True(product.IsEnabled);

        whole.IsEnabled = false;
        product.Merge();
        Assert.Equal(LoraError.AdapterConflict, Assert.Throws<LoraException>(() => whole.IsEnabled = true).Error);
        whole.ActiveModules = ["table"];
        whole.IsEnabled = true;
    }

    [Fact]
    public void A_module_trained_whole_and_a_product_on_it_add_up()
    {
        using OwnModel model = new();
        using AttachedLora whole = LoraModules.Attach(model, MergeTests.Variant("plain") with { TargetModule = ["table"], ModulesToSave = ["linear"] });
        using AttachedLora product = Attach(model, "dora");
        MergeTests.Disturb(whole);
        MergeTests.Disturb(product);
        using TorchSharp.torch.Tensor input = OwnModel.Input();
        using TorchSharp.torch.Tensor adapted = model.call(input);

        whole.Merge();
        product.Merge();
        using TorchSharp.torch.Tensor merged = model.call(input);

        Assert.InRange(Closeness.Relative(merged, adapted), 0, 1e-5);
    }

    private static AttachedLora Attach(OwnModel model, string variant) =>
        LoraModules.Attach(model, MergeTests.Variant(variant) with { TargetModule = ["linear"] });
}
